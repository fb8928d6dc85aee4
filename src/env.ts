/// <reference path="./bindings.d.ts" />

/**
 * The bindings as this project uses them: `Env` of wrangler.toml (src/bindings.d.ts, made by `npm run types`)
 * plus two variables that only a local start sets.
 */
export interface WorkerEnv extends Cloudflare.Env {
  /** "yes" on a developer's machine: ledger writes are awaited, local addresses may be called. Deploy refuses it. */
  LOCAL?: string;
  /** A fresh value per local start: messages sent and leases taken under another value are known to be lost. */
  BOOT_ID?: string;
}
