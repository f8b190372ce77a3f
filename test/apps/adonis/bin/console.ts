import { ignitor } from './app.js';

await ignitor.ace().handle(process.argv.slice(2));
