import type { Reply } from "../../queue/effect";

/** The receiver: a connection, destination or subscription by name, or an address. */
export interface HookTarget {
  connection?: "make" | undefined;
  subscription?: string | undefined;
  destination?: string | undefined;
  url?: string | undefined;
}

export interface HookMessage {
  /** The same on every try, so that receivers recognise a repeat. */
  id: string;
  /** JSON text; the same bytes on every try. */
  body: string;
  /** Sent with the message, so that an event that returns to Jobyard is recognised. */
  hops: number;
}

/** The receiver's answer: status and the first 4 KB. */
interface HookAnswer {
  status: number;
  response: string;
}

/** An address that messages are posted to. */
export interface Hook {
  /** Seconds for which a repeat is harmless, because its id identifies it. */
  readonly idempotentFor: number;
  /**
   * `ok`: a 2xx only. Code `gone`: the receiver accepts no further messages. Never throws; a failure's reason contains of the address only the
   * host, and no secret.
   */
  post(message: HookMessage, signal: AbortSignal): Promise<Reply<HookAnswer>>;
}

/** A hook of a tenant's setting. */
interface OpenHook extends Hook {
  /** Switches the receiver off until the tenant sets it again. `job`: the job whose call was refused. Throws when the write fails. */
  retire(reason: string, job: string): Promise<void>;
}

/** A tenant's outgoing hooks. */
export interface Hooks {
  /** Opens a target, or returns why not: it does not exist, is switched off, or its secret cannot be opened. Throws when the settings cannot be read. */
  open(target: HookTarget): Promise<OpenHook | { missing: string }>;
}

declare module "../../queue/job" {
  interface Capabilities {
    hooks: Hooks;
  }
}
