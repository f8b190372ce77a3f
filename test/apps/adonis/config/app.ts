import { defineConfig } from '@adonisjs/core/http';

export const appKey = process.env.APP_KEY ?? '';
export const pier = 'pier 7';
export const http = defineConfig({});
