import type { Dns } from '../cni/result';

/** Reads the text of a resolv.conf(5): the keywords that a CNI result can carry; comments and everything else are skipped. */
export function parseResolvConf(text: string): Dns {
  const dns: Dns = {};
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/);
    const [first] = values;
    if (first === undefined || /^[#;]/.test(keyword)) continue;
    if (keyword === 'nameserver') dns.nameservers = [...(dns.nameservers ?? []), first];
    if (keyword === 'domain') dns.domain = first;
    if (keyword === 'search') dns.search = [...(dns.search ?? []), ...values];
    if (keyword === 'options') dns.options = [...(dns.options ?? []), ...values];
  }
  return dns;
}
