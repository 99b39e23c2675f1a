import { CniError, ErrorCode } from '../../cni/errors';
import type { LinkFact, Query } from '../../kernel/contract';
import type { Context, Facts } from '../../plugin/define';
import { guardSets } from '../mac-spoof';
import { masqueradeSets } from '../masquerade';
import { type BridgeConfig, demandConsistent } from './config';
import { bridgeFault } from './shared';

/** For STATUS: what an ADD cannot do without. */
export const status = { facts, verdict };

/** Of nftables one question is as good as any: none can be asked where it is not to be had. */
function facts({ config }: Context<BridgeConfig>): Record<string, Query> {
  return {
    bridge: { query: 'link', ns: 'host', name: config.bridge },
    ...(config.ipMasq ? { masqueradeSets } : {}),
    ...(config.macspoofchk ? { guardSets } : {}),
  };
}

/** Code 7 for a configuration that no ADD takes, code 50 while something else has the bridge's name. */
function verdict({ request, config, facts }: Context<BridgeConfig> & { facts: Facts<Record<string, Query>> }): void {
  demandConsistent(config, request.config);
  const fault = bridgeFault(config, { bridge: facts.bridge as LinkFact | null });
  if (fault) throw new CniError(ErrorCode.unavailable, fault.msg, fault.details);
}
