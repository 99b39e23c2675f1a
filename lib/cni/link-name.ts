/** IFNAMSIZ less the closing NUL. */
export const longestLinkName = 15;

/** What the folders of all devices, and of those to come, are called under /proc/sys/net: no device may be. */
const reserved: readonly string[] = ['.', '..', 'all', 'default'];

/** To the kernel a byte 0xa0 is white space (Latin-1's), wherever it stands in UTF-8: in "à", for instance. */
const latinSpace = 0xa0;

/**
 * Whether the kernel takes a text for the name of a link and keeps it: a "%" would be a pattern ("eth%d") of which it
 * makes a name. Nor may it be a text that is no UTF-8 (U+FFFD is what became of it), since the link would be called otherwise.
 */
export function isLinkName(text: string): boolean {
  const bytes = Buffer.from(text);
  return (
    bytes.length > 0 &&
    bytes.length <= longestLinkName &&
    !bytes.includes(latinSpace) &&
    !/[/:%\s\0\u0085\ufffd]/.test(text) &&
    bytes.toString() === text &&
    !reserved.includes(text)
  );
}
