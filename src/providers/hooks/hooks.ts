import type { Reply } from "../../queue/effect";

/** The receiver: a connection or setting of the tenant by its name, or an address. */
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
  /** Sent along, so that an event that comes back to Jobyard is recognised. */
  hops: number;
}

/** The receiver's answer: status and the first 4 KB. */
export interface HookAnswer {
  status: number;
  response: string;
}

/** One address to which messages are posted. */
export interface Hook {
  /** Seconds for which a repeat is harmless, because its id identifies it. */
  readonly idempotentFor: number;
  /**
   * `ok`: a 2xx, nothing else. Code `gone`: the receiver takes no further messages. Never throws; a failure's reason holds of the address only the
   * host, and no secret.
   */
  post(message: HookMessage, signal: AbortSignal): Promise<Reply<HookAnswer>>;
}

/** One that a tenant has set. */
export interface OpenHook extends Hook {
  /** Switches the receiver off until the tenant sets it again. `job`: the job whose call found it gone. Throws when that cannot be written. */
  retire(reason: string, job: string): Promise<void>;
}

/** A tenant's outgoing hooks. */
export interface Hooks {
  /** Opens a target; or why not: it does not exist, is switched off, or its secret cannot be read. Throws when the settings cannot be read. */
  open(target: HookTarget): Promise<OpenHook | { missing: string }>;
}

declare module "../../queue/job" {
  interface Capabilities {
    hooks: Hooks;
  }
}
