import type { Native, Recipe } from '../kernel/contract';
import type { Added } from '../plugin/add';
import { answersOf, type Instructions, instructionsOf } from '../plugin/recipe';
import { type LaunchedRequest, places } from './request';

/** So many are kept: a node has a few networks. */
const most = 64;

/** In so many states of the node a recipe is good, the latest. */
const mostAnswers = 8;

/** Bytes. A configuration that is longer is rare. */
const longest = 16 * 1024;

/** What the addon can do by itself, as it was learned from ADDs that have succeeded. */
export interface Recipes {
  /** `givenUp`: as in `DoorHost.go`. */
  learn(request: LaunchedRequest, added: Added, givenUp: string): void;
}

export function newRecipes(kernel: Pick<Native, 'setRecipe' | 'forgetRecipes'>): Recipes {
  const known = new Map<string, Recipe>();
  return {
    learn(request, added, givenUp) {
      const call = callOf(request);
      if (call === undefined) return;
      const key = JSON.stringify(call);
      const before = known.get(key);
      // Of many at once, of whom the first has taught what there was to learn.
      if (givenUp !== 'steps' && before?.answers.includes(answersOf(added))) return;
      const instructions = instructionsOf(added);
      if (instructions === undefined) return;
      if (before === undefined && known.size === most) {
        known.clear();
        kernel.forgetRecipes();
      }
      const recipe = { id: before?.id ?? known.size, ...call, ...instructions };
      if (before && isSame(before, instructions))
        recipe.answers = [...new Set([...recipe.answers, ...before.answers])].slice(0, mostAnswers);
      known.set(key, recipe);
      kernel.setRecipe(recipe);
    },
  };
}

/** Whether they differ in nothing but the state that the node was in. */
function isSame(recipe: Recipe, instructions: Instructions): boolean {
  const { answers: _was, id: _id, variables: _variables, args: _args, config: _config, ...before } = recipe;
  const { answers: _is, ...now } = instructions;
  return JSON.stringify(before) === JSON.stringify({ ...before, ...now });
}

/** Which requests are alike. */
function callOf({
  build,
  type,
  place,
  env,
  stdin,
}: LaunchedRequest): Pick<Recipe, 'variables' | 'args' | 'config'> | undefined {
  const { CNI_CONTAINERID, CNI_IFNAME, CNI_NETNS, CNI_ARGS = '', ...common } = env;
  const config = stdin.toString();
  if (stdin.length > longest || !Buffer.from(config).equals(stdin)) return undefined;
  return {
    variables: [
      `build=${build}`,
      `type=${type}`,
      ...places.map((name) => `${name}=${place[name]}`),
      ...Object.entries(common).map((variable) => variable.join('=')),
    ],
    args: CNI_ARGS === '' ? [] : CNI_ARGS.split(';').map(argumentOf),
    config,
  };
}

/** What Kubernetes says of a pod is for people, and no plugin of ours heeds it. */
function argumentOf(pair: string): Recipe['args'][number] {
  const [key = '', value = ''] = pair.split('=');
  return key.startsWith('K8S_') ? { key } : { key, value };
}
