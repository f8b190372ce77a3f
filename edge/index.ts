import { DurableObject } from 'cloudflare:workers';
export class Repository extends DurableObject {}
export class BuildQueue extends DurableObject {}
export class LogChannel extends DurableObject {}
export class Dyno extends DurableObject {}
export default {
  fetch() {
    return new Response('ok');
  },
};
