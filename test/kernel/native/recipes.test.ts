import { expect } from 'chai';
import type { Recipe } from '../../../lib/kernel/contract';
import { KernelError } from '../../../lib/kernel/errors';
import { native } from '../../../lib/kernel/native';

const range = { start: '10.1.2.2', end: '10.1.2.9', gateway: '10.1.2.1' };
const recipe: Recipe = {
  id: 0,
  variables: ['CNI_COMMAND=ADD'],
  args: [{ key: 'IgnoreUnknown', value: '1' }, { key: 'K8S_POD_NAME' }],
  config: '{}',
  network: 'net',
  type: 'bridge',
  machineId: 'id',
  stateDir: '/run/trestle',
  queries: '[]',
  answers: ['[]'],
  record: '{}',
  lease: { folder: '/var/lib/cni/networks/net', index: '/run/trestle/leases/x', ranges: [range] },
  footprints: ['{}'],
  steps: '[]',
  outcomes: '[]',
  complete: '{}',
  result: '{}',
};

const lease = (changes: Partial<typeof range>) => ({
  ...recipe,
  lease: { ...recipe.lease, ranges: [{ ...range, ...changes }] },
});

describe('recipes', () => {
  afterEach(() => native().forgetRecipes());

  const set = (what: unknown) => native().setRecipe(what as Recipe);

  it('are taken as the contract has them, again and again', () => {
    for (let times = 0; times < 3; times++) set(recipe);
    const { lease: _place, ...without } = recipe;
    set({ ...without, id: 1 });
    expect(native().replaying()).to.equal(0);
  });

  for (const [what, wrong, complaint] of [
    ['nothing', null, 'recipe must be an object, not nothing'],
    ['a list', [], 'recipe must be an object, not an array'],
    ['no number', { ...recipe, id: undefined }, 'recipe.id is missing'],
    [
      'a text for variables',
      { ...recipe, variables: 'CNI_COMMAND=ADD' },
      'recipe.variables must be an array, not a string',
    ],
    ['an argument without key', { ...recipe, args: [{ value: '1' }] }, 'recipe.args[0].key is missing'],
    ['no footprints', { ...recipe, footprints: [] }, 'recipe.footprints are none'],
    ['a misspelt field', { ...recipe, results: '' }, 'recipe.results is not a field of this object'],
    ['a range that is none', lease({ start: '10.1.2' }), 'recipe.lease.ranges[0].start is no IP address: "10.1.2"'],
    ['two families', lease({ end: 'fd00::1' }), 'recipe.lease.ranges[0].end is of another family'],
    ['no ranges', { ...recipe, lease: { ...recipe.lease, ranges: [] } }, 'recipe.lease.ranges are none or too many'],
    [
      'more ranges than holes',
      { ...recipe, lease: { ...recipe.lease, ranges: Array.from({ length: 9 }, () => range) } },
      'recipe.lease.ranges are none or too many',
    ],
  ] as const) {
    it(`are refused where they are something else: ${what}`, () => {
      expect(() => set(wrong)).to.throw(KernelError, complaint);
    });
  }
});
