/** Colours only where a person looks at them, and has not said no (https://no-color.org). */
const coloured = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '';
const style = (code: number) => (text: string) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);

const bold = style(1);
const red = style(31);
const green = style(32);
export const dim = style(2);

export function heading(text: string): void {
  console.log(`\n${bold(text)}`);
}

/** A block of text that a program wrote. */
export function block(text: string): void {
  console.log(text.trimEnd().replaceAll(/^/gm, '    '));
}

/** One claim, and whether it held. */
export function verdict(held: boolean, claim: string): void {
  console.log(`  ${held ? green('✓') : red('✗')} ${claim}`);
}
