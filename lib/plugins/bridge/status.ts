import { CniError, ErrorCode } from '../../cni/errors';
import type { LinkFact, Query } from '../../kernel/contract';
import type { Context, Facts } from '../../plugin/define';
import { guardTrial } from '../mac-spoof';
import { masqueradeTrial } from '../masquerade';
import { type BridgeConfig, demandConsistent } from './config';
import { bridgeFault } from './shared';

/** For STATUS: what an ADD cannot do without. */
export const status = { facts, verdict };

/** What nftables can do depends on how the kernel was built, and only trying tells. */
function facts({ config }: Context<BridgeConfig>): Record<string, Query> {
  return {
    bridge: { query: 'link', ns: 'host', name: config.bridge },
    ...(config.ipMasq ? { masqueradeTrial: masqueradeTrial() } : {}),
    ...(config.macspoofchk ? { guardTrial } : {}),
  };
}

/** Code 7 for a configuration that no ADD takes, code 50 while something else has the bridge's name. */
function verdict({ request, config, facts }: Context<BridgeConfig> & { facts: Facts<Record<string, Query>> }): void {
  demandConsistent(config, request.config);
  const fault = bridgeFault(config, { bridge: facts.bridge as LinkFact | null });
  if (fault) throw new CniError(ErrorCode.unavailable, fault.msg, fault.details);
}
