import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where the units lie as they are in the project, with "@CNI_BIN@" for the folder of the plugins. */
export const unitFolder = resolve(__dirname, '../../deploy');

/** The values of each directive by "Section.Directive", in their order. */
export type Unit = ReadonlyMap<string, readonly string[]>;

/** What a unit file says: systemd.syntax(7), without line continuations. */
export function parseUnit(text: string): Unit {
  const unit = new Map<string, string[]>();
  let section = '';
  for (const line of text.split('\n')) {
    const [, header, name, value] = /^(?:\[(\w+)\]|(\w+)=(.*))$/.exec(line) ?? [];
    if (header !== undefined) section = header;
    else if (name !== undefined)
      unit.set(`${section}.${name}`, [...(unit.get(`${section}.${name}`) ?? []), value ?? '']);
    else if (line !== '' && !line.startsWith('#')) throw new Error(`a unit has the line "${line}"`);
  }
  return unit;
}

export function readUnit(name: string): Unit {
  return parseUnit(readFileSync(join(unitFolder, name), 'utf8'));
}

/** The words of a directive that is there once. */
export function words(unit: Unit, name: string): string[] {
  const [value, ...others] = unit.get(name) ?? [];
  if (value === undefined || others.length > 0) throw new Error(`${name} is to be there once`);
  return value.split(' ');
}
