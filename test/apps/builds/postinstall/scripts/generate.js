/** Makes a validator out of a schema, once, as a command of Ajv would. */
const { mkdirSync, writeFileSync } = require('node:fs');
const Ajv = require('ajv');
const standalone = require('ajv/dist/standalone').default;

const ajv = new Ajv({ code: { source: true } });
const schema = { type: 'object', properties: { sum: { type: 'string', minLength: 3 } }, required: ['sum'] };
mkdirSync('generated', { recursive: true });
writeFileSync('generated/validate.js', standalone(ajv, ajv.compile(schema)));
console.log('generated a validator');
