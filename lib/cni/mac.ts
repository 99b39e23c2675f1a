const forms = [
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
  /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i,
  /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i,
];

/** A 48-bit MAC in any form that Go's `net.ParseMAC` takes, as `02:42:ac:11:00:02`; undefined for anything else. */
export function parseMac(text: string): string | undefined {
  if (!forms.some((form) => form.test(text))) return undefined;
  const digits = text.replace(/[^0-9a-f]/gi, '').toLowerCase();
  return digits.match(/../g)?.join(':');
}
