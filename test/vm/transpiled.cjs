// Loads the TypeScript that the host has transpiled into TRESTLE_TRANSPILED: the compiler alone takes the emulated machine
// half a minute to load.
const { readFileSync } = require('node:fs');
const { join, relative } = require('node:path');

const root = join(__dirname, '../..');

require.extensions['.ts'] = (module, file) => {
  const transpiled = join(process.env.TRESTLE_TRANSPILED, `${relative(root, file).slice(0, -'.ts'.length)}.js`);
  module._compile(readFileSync(transpiled, 'utf8'), file);
};
