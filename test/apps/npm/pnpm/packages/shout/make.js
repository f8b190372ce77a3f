require('node:fs').writeFileSync('made.js', 'module.exports = (text) => `${text}!`;\n');
