/** What a provider holds under a key. */
export interface KeptNote {
  provider: string;
  key: string;
  /** JSON. */
  value: unknown;
}

/** The newest are remembered, so that a long run does not fill the memory. */
const most = 100_000;

/** What one provider holds by its own keys, the oldest first, such as contacts. A value that was changed must be put again. */
export class Kept<T> {
  readonly #note: (key: string, value: T) => void;
  readonly #values = new Map<string, T>();

  /** `note` is called with each value that is put. */
  constructor(note: (key: string, value: T) => void = () => undefined) {
    this.#note = note;
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  put(key: string, value: T): void {
    this.restore(key, value);
    this.#note(key, structuredClone(value));
  }

  /** Puts back a value from the archive. */
  restore(key: string, value: T): void {
    this.#values.set(key, value);
    if (this.#values.size > most) this.#values.delete(this.#values.keys().next().value ?? "");
  }

  values(): T[] {
    return [...this.#values.values()];
  }

  entries(): IterableIterator<[string, T]> {
    return this.#values.entries();
  }

  get size(): number {
    return this.#values.size;
  }

  clear(): void {
    this.#values.clear();
  }
}
