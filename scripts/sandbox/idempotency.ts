import { createHash } from "node:crypto";
import type { Reply } from "./provider.ts";

const kept = 24 * 3600 * 1000;

type Claim = { verdict: "new" | "running" | "other" } | { verdict: "known"; reply: Reply };

/** Idempotency keys of one account: what was asked with each, and what was answered; forgotten after 24 hours. */
export class IdempotencyKeys {
  readonly #now: () => number;
  /** In the order of their age. */
  readonly #keys = new Map<string, { at: number; fingerprint: string; reply: Reply | null }>();

  constructor(now: () => number) {
    this.#now = now;
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
    if (known && reply) known.reply = reply;
    else this.#keys.delete(key);
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
