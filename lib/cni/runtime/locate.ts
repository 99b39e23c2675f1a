import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

/** A place in a text, both counted from one. */
export interface Place {
  line: number;
  column: number;
}

/** Where the value is that `path` leads to, or the nearest thing around it; undefined for what is no JSON. */
export function placeOf(text: string, path: readonly (string | number)[]): Place | undefined {
  return placesIn(text)(path);
}

/** {@link placeOf}, for several places of one text. */
export function placesIn(text: string): (path: readonly (string | number)[]) => Place | undefined {
  const root = treeOf(text);
  return (path) => {
    for (let length = path.length; root && length >= 0; length -= 1) {
      const node = findNodeAtLocation(root, path.slice(0, length));
      if (node) return at(text, startOf(node, length));
    }
    return undefined;
  };
}

/** Undefined, too, for what is nested too deeply to be walked. */
function treeOf(text: string, errors: ParseError[] = []): Node | undefined {
  try {
    return parseTree(text, errors, { disallowComments: true });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A value under a key begins with its key. */
function startOf(node: Node, depth: number): number {
  return depth > 0 && node.parent?.type === 'property' ? node.parent.offset : node.offset;
}

const words: Readonly<Record<string, string>> = {
  InvalidSymbol: 'invalid symbol',
  InvalidNumberFormat: 'invalid number',
  PropertyNameExpected: 'expected a key in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected ":"',
  CommaExpected: 'expected ","',
  CloseBraceExpected: 'expected "}"',
  CloseBracketExpected: 'expected "]"',
  EndOfFileExpected: 'expected the end of the file',
  InvalidCommentToken: 'JSON has no comments',
  UnexpectedEndOfComment: 'JSON has no comments',
  UnexpectedEndOfString: 'a string without its closing quote',
  UnexpectedEndOfNumber: 'a number that ends too early',
  InvalidUnicode: 'invalid \\u escape',
  InvalidEscapeCharacter: 'invalid escape in a string',
  InvalidCharacter: 'invalid character in a string',
};

/** Why a text is no JSON, and where that shows first; undefined if it is. */
export function syntaxFault(text: string): (Place & { reason: string }) | undefined {
  const errors: ParseError[] = [];
  treeOf(text, errors);
  const [first] = errors;
  if (first === undefined) return undefined;
  const name = printParseErrorCode(first.error);
  const end = text.slice(first.offset).trim() === '' ? ' before the end of the file' : '';
  return { ...at(text, first.offset), reason: `${words[name] ?? name}${end}` };
}

const replacement = Buffer.from('\ufffd');

/** Where bytes are no longer UTF-8; undefined if all of them are. */
export function encodingFault(bytes: Buffer): (Place & { reason: string }) | undefined {
  const text = bytes.toString('utf8');
  for (let i = text.indexOf('\ufffd'); i >= 0; i = text.indexOf('\ufffd', i + 1)) {
    // All before it was read as it stands; and a file may have that very character.
    const offset = Buffer.byteLength(text.slice(0, i));
    if (!bytes.subarray(offset, offset + replacement.length).equals(replacement)) {
      return { ...at(text, i), reason: 'not UTF-8' };
    }
  }
  return undefined;
}

function at(text: string, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
