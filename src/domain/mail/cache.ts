interface Cache<T> {
  /** The cached value, else a new one, which is cached while there is room. An error of `make` is not cached. */
  get(key: string, weight: number, make: () => T): T;
}

/** Evicts the least recently used entry first. `capacity` is in the unit of the weights. */
export function createCache<T>(capacity: number): Cache<T> {
  const kept = new Map<string, { value: T; weight: number }>();
  let total = 0;
  const remove = (key: string) => {
    total -= kept.get(key)?.weight ?? 0;
    kept.delete(key);
  };
  const keep = (key: string, entry: { value: T; weight: number }) => {
    remove(key);
    kept.set(key, entry);
    total += entry.weight;
    for (const oldest of kept.keys()) {
      if (total <= capacity) break;
      remove(oldest);
    }
  };
  return {
    get(key, weight, make) {
      const entry = kept.get(key) ?? { value: make(), weight };
      keep(key, entry);
      return entry.value;
    },
  };
}
