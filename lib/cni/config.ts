import * as v from 'valibot';
import { CniError, ErrorCode } from './errors';
import { foldKeys, pathText } from './fold';
import { onceIfFrozen } from './frozen';
import { found } from './quote';

export { foldKeys, unknownKeys } from './fold';
export * from './schemas';

type Path = readonly (string | number)[];

/**
 * A configuration by its schema: keys without regard to case, null as absent, unknown keys ignored, as Go does.
 * Throws code 7 with the first fault: `invalid configuration: "mtu": expected a whole number, found "1500" (string)`.
 */
export function parseConfig<S extends v.GenericSchema>(
  schema: S,
  raw: Readonly<Record<string, unknown>>,
): v.InferOutput<S> {
  const parse = parsers.get(schema) ?? onceIfFrozen(parserOf(schema));
  parsers.set(schema, parse);
  return parse(raw) as v.InferOutput<S>;
}

type Parser = (raw: Readonly<Record<string, unknown>>) => unknown;

const parsers = new WeakMap<v.GenericSchema, Parser>();

const parserOf =
  (schema: v.GenericSchema): Parser =>
  (raw) =>
    check(schema, raw, ErrorCode.invalidConfig, 'invalid configuration');

/** As {@link parseConfig}, for other documents: `subject` begins the message. */
export function check<S extends v.GenericSchema>(
  schema: S,
  raw: unknown,
  code: number,
  subject: string,
): v.InferOutput<S> {
  const checked = v.safeParse(schema, foldKeys(schema, raw), { abortEarly: true, message: expectation });
  if (checked.success) return checked.output;
  throw new CniError(code, faultText(checked.issues[0], subject));
}

/** Of a union's fault, the one furthest inside: the option that came closest says best what is wrong. */
function deepest(issue: v.BaseIssue<unknown>, outer: Path = []): { issue: v.BaseIssue<unknown>; path: Path } {
  const path = [...outer, ...(issue.path?.map(({ key }) => key as string | number) ?? [])];
  const inner = issue.issues?.map((option) => deepest(option, path)).sort((a, b) => b.path.length - a.path.length)[0];
  return inner && inner.path.length > path.length ? inner : { issue, path };
}

/** A schema's own message that does not begin with "expected " is a whole sentence, and stands alone. */
function faultText(first: v.BaseIssue<unknown>, subject: string): string {
  const { issue, path } = deepest(first);
  const where = path.length > 0 ? `"${pathText(path)}"` : undefined;
  if (issue.input === undefined && where) return `${subject}: ${where} is missing`;
  if (!issue.message.startsWith('expected ')) return issue.message;
  return `${subject}: ${where ? `${where}: ` : ''}${issue.message}, found ${found(issue.input)}`;
}

const words: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object',
};

/** What a schema without a message of its own expects: valibot's `("a" | Array)` in words. */
function expectation({ expected }: v.BaseIssue<unknown>): string {
  const options = (expected ?? 'something else').replace(/^\((.*)\)$/, '$1').split(' | ');
  return `expected ${options.map((option) => words[option] ?? option).join(' or ')}`;
}
