/** Makes a value of plain data one that cannot change any more, at every level. */
export function frozen<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.values(Object.freeze(value)).forEach(frozen);
  }
  return value;
}

/** `work`, a pure function of an object: of one that cannot change any more the answer, frozen too, is worked out but once. */
export function onceIfFrozen<T extends object, R>(work: (value: T) => R): (value: T) => R {
  const known = new WeakMap<T, { answer: R }>();
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found.answer;
    const answer = work(value);
    if (Object.isFrozen(value)) known.set(value, { answer: frozen(answer) });
    return answer;
  };
}
