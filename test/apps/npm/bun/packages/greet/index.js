exports.ms = require('ms/package.json').version;
