#!/usr/bin/env -S node --require ts-node/register
import { main } from '../lib/cli/main';
import { run, surroundings } from '../lib/process';

run(() => main(surroundings()));
