/**
 * What Bun's executable runs, in the builds for Bun: the program for plugins, with Bun's bytecode in the place of V8's code
 * cache (see start.ts). It is called like Node, EXECUTABLE <runtime folder>/trestle.cjs NAME ARGS…, so that it need not ask
 * /proc where it lies: there it is the dynamic loader.
 */
import { dirname } from 'node:path';
import { lazy } from './built-ins';

type Program = (require: (name: string) => unknown, dirname: string) => void;

const program = require('../build/bun/program.js') as Program;
// Behind Bun's name: the path of this file inside of the executable.
process.argv.splice(1, 1);
program((name) => (name.startsWith('node:') ? lazy(name) : require(name)), dirname(process.argv[1] ?? ''));
