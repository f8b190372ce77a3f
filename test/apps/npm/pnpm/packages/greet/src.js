const shout = require('shout');

module.exports = (what) => shout(`Hello from ${what}`);
