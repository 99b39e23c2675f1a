import { expect } from 'chai';
import type * as v from 'valibot';
import { parseConfig } from '../../../lib/cni/config';
import { parseResult } from '../../../lib/cni/parse-result';
import { plugins } from '../../../lib/plugins';
import { longLists } from '../../fuzz/mutations';
import { type Field, fieldsOf, type Shape, spoilt, toJson } from '../../fuzz/schema';
import { errorOf, worked } from '../cni/support';

/** `ipam.ranges[0][0].subnet` */
const text = (path: Field['path']): string =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .slice(1);

/** Every key that a plugin knows, at every level, with one value of every JSON type that its schema does not take. */
describe('a configuration with a field of a wrong type', () => {
  for (const [type, plugin] of plugins) {
    const shape = plugin.config as unknown as Shape;
    for (const field of fieldsOf(shape)) {
      it(`is refused by ${type}, which names ${text(field.path)}`, async () => {
        for (const wrong of field.wrong) {
          const config = JSON.parse(toJson(spoilt(shape, field.path, wrong)));
          const { code, msg } = await errorOf(() => parseConfig(plugin.config as v.GenericSchema, config));
          expect(code, toJson(wrong)).to.equal(7);
          expect(msg, toJson(wrong))
            .to.match(/^invalid configuration: "/)
            .and.to.include(`"${text(field.path)}`);
          expect(msg.length, 'length').to.be.below(600);
          expect(msg).not.to.match(/undefined|\[object/);
        }
      });
    }
  }
});

describe('a configuration with a list of very many elements', () => {
  for (const [what, make] of Object.entries(longLists)) {
    it(`is taken or refused within two seconds: ${what}`, async () => {
      const config = JSON.parse(make());
      const type = config.ipam?.type ?? 'bridge';
      const began = worked();
      const plugin = plugins.get(type);
      await errorOf(() => {
        if (config.prevResult) parseResult(config.prevResult, '1.0.0');
        parseConfig(plugin?.config as v.GenericSchema, config);
      });
      expect(worked() - began).to.be.below(2000);
    });
  }
});
