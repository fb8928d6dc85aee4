import type { Effects } from "./effects.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import type { Kept } from "./kept.ts";
import type { Mailbox } from "./mailbox.ts";

/** One outside system as the sandbox plays it. It answers everything under `/{name}/`. */
export interface Provider {
  name: string;
  /** A fresh state; called once per sandbox. */
  open(world: World): Answering;
}

export interface Answering {
  answer(call: Call): Reply | Promise<Reply>;
  /** The body that this provider really sends with that status, for faults that name no body. */
  refuse(status: number): Reply;
  /** Forgets everything, as after a start. */
  reset(): void;
}

/** What all providers share. */
export interface World {
  /** Milliseconds. */
  now(): number;
  effects: Effects;
  mailbox: Mailbox;
  /** The idempotency keys that a provider has answered; they outlive a restart as its effects do. */
  keys(provider: string): IdempotencyKeys;
  /** What a provider holds; it outlives a restart too. */
  kept<T>(provider: string): Kept<T>;
}

export interface Call {
  method: string;
  /** Behind the provider's name: `/emails`. */
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** The `Idempotency-Key`, if any. */
  key: string | null;
  /** Waits as long as a fault delays the call. Await it between taking the call and its effect. */
  pause(): Promise<void>;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** A string goes out as it is, anything else as JSON. */
  body: unknown;
}
