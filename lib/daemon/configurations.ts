import { decodeConfig, lookup } from '../cni/decode';
import { frozen } from '../cni/frozen';

/** Larger ones are rare, and decoded each time. Bytes. */
const longest = 16 * 1024;

/** So many are remembered: a node has a few networks, each with a few plugins. */
const most = 64;

type Config = Readonly<Record<string, unknown>>;

/**
 * Decodes what launchers send, and remembers it: the pods of a network come with one and the same text. Not what has a
 * prevResult, which is one pod's. What is remembered is frozen, so that `parseConfig` need check it but once, too. Answers
 * with undefined where it cannot be decoded, which is for whoever serves the request to say.
 */
export function newConfigurations(): (stdin: Buffer) => Config | undefined {
  const known = new Map<string, Config>();
  return (stdin) => {
    if (stdin.length > longest) return decoded(stdin);
    const text = stdin.toString('latin1');
    const found = known.get(text);
    if (found !== undefined) return found;
    const config = decoded(stdin);
    if (config === undefined || lookup(config, 'prevResult') !== undefined) return config;
    if (known.size === most) known.clear();
    known.set(text, frozen(config));
    return config;
  };
}

function decoded(stdin: Buffer): Record<string, unknown> | undefined {
  try {
    return decodeConfig(stdin);
  } catch {
    return undefined;
  }
}
