import type { Reply } from "../../queue/effect";

/** Where to: a connection or setting of the tenant's by its name, or an address as it is. */
export interface HookTarget {
  connection?: "make" | undefined;
  subscription?: string | undefined;
  destination?: string | undefined;
  url?: string | undefined;
}

export interface HookMessage {
  /** The same on every try: receivers recognise a repeat by it. */
  id: string;
  /** JSON text; the same bytes on every try. */
  body: string;
  /** Sent along, so that an event that comes back is recognised. */
  hops: number;
}

/** The receiver's answer: status and the first 4 KB. */
export interface HookAnswer {
  status: number;
  response: string;
}

/** One address that takes what is posted to it. */
export interface Hook {
  /** Seconds for which a repeat is harmless, because its id identifies it. */
  readonly idempotentFor: number;
  /**
   * `ok` is a 2xx and nothing else; code `gone` means that the receiver takes no more. Never throws; a failure's reason holds no address but
   * its host, and no secret.
   */
  post(message: HookMessage, signal: AbortSignal): Promise<Reply<HookAnswer>>;
}

/** One that a tenant has set. */
export interface OpenHook extends Hook {
  /** The receiver is gone for good: nothing more is sent there until the tenant sets it again. `job` is who found out. Throws when that cannot be written. */
  retire(reason: string, job: string): Promise<void>;
}

/** A tenant's outgoing hooks. */
export interface Hooks {
  /** A target that is not there, is switched off, or whose secret cannot be used: why. Throws when the settings cannot be read. */
  open(target: HookTarget): Promise<OpenHook | { missing: string }>;
}

declare module "../../queue/job" {
  interface Capabilities {
    hooks: Hooks;
  }
}
