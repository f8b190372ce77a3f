import { Body, Controller, Get, Injectable, Module, Param, Post } from '@nestjs/common';
import { IsInt } from 'class-validator';

class Cat {
  @IsInt()
  age!: number;
}

@Injectable()
class Cats {
  readonly #ages = new Map<string, number>();

  add(name: string, age: number): void {
    this.#ages.set(name, age);
  }

  list(): string {
    return [...this.#ages].map(([name, age]) => `${name} is ${age}`).join(', ');
  }
}

@Controller('cats')
class CatsController {
  constructor(private readonly cats: Cats) {}

  @Get()
  list(): string {
    return this.cats.list();
  }

  @Post(':name')
  add(@Param('name') name: string, @Body() { age }: Cat): void {
    this.cats.add(name, age);
  }
}

@Module({ controllers: [CatsController], providers: [Cats] })
export class CatsModule {}
