/// <reference path="./bindings.d.ts" />
import type { EmailBinding } from "./providers/mail/cloudflare";
import type { AiBinding } from "./providers/models/workers-ai";

/**
 * The bindings as this project uses them: `Env` of wrangler.toml (src/bindings.d.ts, made by `npm run types`)
 * plus variables that may be set.
 */
export interface WorkerEnv extends Cloudflare.Env {
  /** "yes" on a developer's machine: ledger writes are awaited, local addresses may be called. Deploy refuses it. */
  LOCAL?: string;
  /** A fresh value per local start: messages sent and leases taken under another value are known to be lost. */
  BOOT_ID?: string;
  /** Host names under which this Worker is reached, separated by commas: tenants' outgoing calls may not name them. */
  OWN_HOSTS?: string;
  /** The address under which this Worker is reached, `https://jobs.example.com`: unsubscribe links point there. Default: the first of OWN_HOSTS. */
  PUBLIC_URL?: string;
  /** The deployment environment, "staging"; its queues end with `-staging`. Unset in production. */
  ENVIRONMENT?: string;
  /** "off": each job travels in a message of its own; packs are read all the same. For the step from a release that cannot read them. */
  PACKS?: string;
  /** Where Durable Objects keep their data, as D1, R2 and queues do. Unset: no restriction. Changing it leaves the old objects behind. */
  JURISDICTION?: DurableObjectJurisdiction;
  /** Cloudflare Email Service, where the account has it. */
  EMAIL?: EmailBinding;
  /** Workers AI, where the deployment has it: connections of the provider `workers-ai` need it. Not in wrangler.toml: a local start would need an account. */
  AI?: AiBinding;
  /** The id of the AI Gateway through which calls of AI go. Default: none. */
  AI_GATEWAY?: string;
  /** On a developer's machine, in place of EMAIL: the address of the sandbox that plays it. */
  EMAIL_STUB?: string;
  /** The tenant whose channels get the installation's alerts: failing steps of the tick, dead letters of the tenant `system`. */
  ALERTS_TENANT?: string;
  /** Bytes that the database may have. Default: 10 GB, or 500 MB once D1 has refused by the daily limit of its free plan. */
  MAX_LEDGER_BYTES?: string;
}
