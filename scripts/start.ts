/**
 * What the private Node runs. It loads the program the quick way: from V8's code cache (see code-cache.ts), and with the
 * built-in modules of Node left alone until they are used, since loading one can take longer than serving a request.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { lazy } from './built-ins';

type Program = (require: (name: string) => unknown, dirname: string) => void;

const filename = join(__dirname, 'program.js');
// Latin-1, because the bundle is plain ASCII. A cache that another Node made is ignored by V8.
const program = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: readFileSync(join(__dirname, 'program.cache')),
}).runInThisContext() as Program;
program((name) => (name.startsWith('node:') ? lazy(name) : require(name)), __dirname);
