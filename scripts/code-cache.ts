/**
 * Writes V8's code cache of a bundle, to be run by the Node and with the flags that will read it (V8 refuses any
 * other):   code-cache.js BUNDLE CACHE
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [bundle = '', cache = ''] = process.argv.slice(2);
// Every function is compiled now, not at its first call. V8 compares flags with those at the end, so this one is taken back.
setFlagsFromString('--no-lazy');
const script = new Script(readFileSync(bundle, 'latin1'), { filename: bundle });
setFlagsFromString('--lazy');
writeFileSync(cache, script.createCachedData());
