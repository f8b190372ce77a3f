import { inject } from '@adonisjs/core';
import type { HttpContext } from '@adonisjs/core/http';
import app from '@adonisjs/core/services/app';
import vine from '@vinejs/vine';

const ferries: string[] = [];

export class Harbour {
  announce() {
    return `${ferries.length} at ${app.config.get('app.pier')}`;
  }
}

@inject()
export default class FerriesController {
  constructor(protected harbour: Harbour) {}

  index() {
    return this.harbour.announce();
  }

  async store({ request, response }: HttpContext) {
    const { name } = await request.validateUsing(vine.create({ name: vine.string().minLength(3) }));
    ferries.push(name);
    return response.created({ name });
  }
}
