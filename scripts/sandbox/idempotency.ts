import { createHash } from "node:crypto";
import type { Reply } from "./provider.ts";

const kept = 24 * 3600 * 1000;

/** A key that was answered. */
interface Settled {
  key: string;
  at: number;
  fingerprint: string;
  reply: Reply;
}

export interface KeyNote extends Settled {
  provider: string;
}

type Claim = { verdict: "new" | "running" | "other" } | { verdict: "known"; reply: Reply };

/** Idempotency keys of one account: what was asked with each, and what was answered; forgotten after 24 hours. */
export class IdempotencyKeys {
  readonly #now: () => number;
  readonly #note: (settled: Settled) => void;
  /** In the order of their age. */
  readonly #keys = new Map<string, { at: number; fingerprint: string; reply: Reply | null }>();

  /** `note` is called with each key that is settled with a reply. */
  constructor(now: () => number, note: (settled: Settled) => void = () => undefined) {
    this.#now = now;
    this.#note = note;
  }

  /** `new` is the caller's to `settle`; until then the same key is `running`. */
  claim(key: string, request: string): Claim {
    this.#forget();
    const fingerprint = createHash("sha256").update(request).digest("base64");
    const known = this.#keys.get(key);
    if (!known) {
      this.#keys.set(key, { at: this.#now(), fingerprint, reply: null });
      return { verdict: "new" };
    }
    if (known.fingerprint !== fingerprint) return { verdict: "other" };
    return known.reply ? { verdict: "known", reply: known.reply } : { verdict: "running" };
  }

  /** Without a reply the key is free again. */
  settle(key: string, reply: Reply | null): void {
    const known = this.#keys.get(key);
    if (!known || !reply) return void this.#keys.delete(key);
    known.reply = reply;
    this.#note({ key, at: known.at, fingerprint: known.fingerprint, reply });
  }

  /** Puts back a key from the archive. */
  restore({ key, at, fingerprint, reply }: Settled): void {
    this.#keys.delete(key);
    this.#keys.set(key, { at, fingerprint, reply });
  }

  /** Those that were answered and are not forgotten yet. */
  *all(): Generator<Settled> {
    this.#forget();
    for (const [key, { at, fingerprint, reply }] of this.#keys) if (reply) yield { key, at, fingerprint, reply };
  }

  clear(): void {
    this.#keys.clear();
  }

  #forget(): void {
    for (const [key, { at }] of this.#keys) {
      if (this.#now() - at < kept) return;
      this.#keys.delete(key);
    }
  }
}
