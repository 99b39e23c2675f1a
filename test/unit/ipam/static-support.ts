import { parseConfig } from '../../../lib/cni/config';
import type { Request } from '../../../lib/cni/request';
import { staticIpam } from '../../../lib/ipam/static';
import { staticConfig } from '../../../lib/ipam/static/config';
import { handle } from '../../../lib/plugin/handle';
import type { Platform } from '../../../lib/plugin/platform';
import { plugins } from '../../../lib/plugins';
import { parse, raw } from '../cni/support';
import { testHost } from './support';

/** One question to static: a configuration as a runtime may send it, and CNI_ARGS. */
export interface Question {
  config: Record<string, unknown>;
  args?: string;
}

const context = (command: Request['command'], { config, args = '' }: Question) => {
  const request = parse({ CNI_COMMAND: command, CNI_ARGS: args }, config);
  return {
    request,
    host: testHost('/nonexistent'),
    config: parseConfig(staticConfig, request.config),
  };
};

/** Calls the plugin itself. Throws what it throws. */
export const ask = {
  add: async (question: Question) => staticIpam.add(context('ADD', question)),
  check: async (question: Question) => staticIpam.check(context('CHECK', question)),
  status: async (question: Question) => staticIpam.status(context('STATUS', question)),
};

/** What the program prints for a request, without a program: of the platform it needs a list of plugins and a clock. */
export async function answerTo(
  command: string,
  { config, args = '' }: Question,
): Promise<{ stdout: string; warnings: string[] }> {
  const warnings: string[] = [];
  const platform = { plugins, now: Date.now, warn: (text: string) => void warnings.push(text) } as unknown as Platform;
  const request = raw({ CNI_COMMAND: command, CNI_ARGS: args }, config);
  const { stdout } = await handle({ ...request, type: 'static' }, platform);
  return { stdout, warnings };
}
