import { ignitor } from './app.js';

await ignitor.httpServer().start();
