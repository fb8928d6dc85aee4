/** So many times it happened, by one key or without any. */
export interface EffectNote {
  provider: string;
  key: string | null;
  count: number;
}

/** The newest keys are remembered, so that a long run does not fill the memory. */
const mostKeys = 1_000_000;

/** Counts how often something really happened, by the idempotency key it was asked for with. */
export class Effects {
  readonly #note: (effect: EffectNote) => void;
  #byProvider = new Map<string, { keys: Map<string, number>; keyless: number }>();

  constructor(note: (effect: EffectNote) => void = () => undefined) {
    this.#note = note;
  }

  record(provider: string, key: string | null): void {
    const effect = { provider, key, count: 1 };
    this.restore(effect);
    this.#note(effect);
  }

  /** Counts what was noted before. */
  restore({ provider, key, count }: EffectNote): void {
    const counts = this.#byProvider.get(provider) ?? { keys: new Map<string, number>(), keyless: 0 };
    this.#byProvider.set(provider, counts);
    if (key === null) counts.keyless += count;
    else counts.keys.set(key, (counts.keys.get(key) ?? 0) + count);
    if (counts.keys.size > mostKeys) counts.keys.delete(counts.keys.keys().next().value ?? "");
  }

  /** `keys` holds every key with its count, `repeated` only what happened more than once. */
  summary(filter: { provider?: string | null; key?: string | null }): EffectSummary {
    const keys: Record<string, number> = Object.create(null);
    let keyless = 0;
    for (const [provider, counts] of this.#byProvider) {
      if (filter.provider && filter.provider !== provider) continue;
      keyless += counts.keyless;
      for (const [key, count] of counts.keys) if (!filter.key || filter.key === key) keys[key] = (keys[key] ?? 0) + count;
    }
    const repeated = Object.fromEntries(Object.entries(keys).filter(([, count]) => count > 1));
    const total = Object.values(keys).reduce((sum, count) => sum + count, filter.key ? 0 : keyless);
    return { total, keyless, keys, repeated };
  }

  *all(): Generator<EffectNote> {
    for (const [provider, { keys, keyless }] of this.#byProvider) {
      if (keyless > 0) yield { provider, key: null, count: keyless };
      for (const [key, count] of keys) yield { provider, key, count };
    }
  }

  clear(): void {
    this.#byProvider.clear();
  }
}

export interface EffectSummary {
  total: number;
  /** Effects asked for without an idempotency key. */
  keyless: number;
  keys: Record<string, number>;
  repeated: Record<string, number>;
}
