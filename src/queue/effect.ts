import type { Discard, Retry, Wait } from "./outcome";
import { discard, retry, wait } from "./outcome";

/**
 * Why a call to the outside world did not succeed; decided once, by the provider's adapter.
 * - `transient`: may pass by itself (network, 5xx, lock). Nothing was done.
 * - `limited`: called too often or quota used up; wait, it is no failure.
 * - `permanent`: the same request will never succeed.
 * - `config`: the tenant must change something (key, domain, permission) before any request can succeed.
 * - `uncertain`: it may have happened (time-out or broken answer after the request was sent).
 */
export interface Failure {
  class: "transient" | "limited" | "permanent" | "config" | "uncertain";
  /** For operators: who refused, with which status and code; nothing that the provider wrote freely, nothing secret or personal. */
  reason: string;
  /** The provider's own sentence, without secrets. It may name persons: it is stored with the job and shown to an admin alone. */
  providerMessage?: string;
  /** Seconds the provider asked for, from now. */
  retryAfter?: number;
  /** The gate, for `limited` and `config`, that is closed until then. What waits for it goes on when the gate opens earlier. */
  gate?: string;
  /** The provider's own code, when it has one. */
  code?: string;
  /** For `permanent`: an earlier try of the same effect may have happened, so it is recorded as `uncertain` and an operator decides. */
  inDoubt?: boolean;
  /** For `uncertain`: what the next try needs in order to repeat this one exactly. JSON without secrets; it is kept with the effect. */
  note?: unknown;
}

/** A try of an effect, in an earlier run, whose answer is not known. */
export interface OpenTry {
  /** When the first such try was made. Milliseconds. */
  at: number;
  /** As the failure of the newest one left it; null where it left none. */
  note: unknown;
}

/**
 * Begins the key of an effect that acts on nothing: it records what a run decided, so that its retries decide the same. Such an effect does not keep
 * an operator's retry from using what was corrected since.
 */
export const decisionPrefix = "decide:";

/** Key of a record that stands for every effect of a job whose earlier run ended without an answer: any of them may have been tried at that time. */
export const anyKey = "";

/** What an adapter's call gives back. */
export type Reply<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export function ok<T>(value: T): Reply<T> {
  return { ok: true, value };
}

export function failed(failure: Failure): Reply<never> {
  return { ok: false, failure };
}

/** What an effect does: calls the provider once. */
export type Act<T> = (idempotencyKey: string, earlier?: OpenTry) => Promise<Reply<T>>;

/** How an effect is kept from happening twice. */
export interface EffectOptions<T = unknown> {
  /**
   * Seconds for which the provider refuses a second request with the same key
   * (Resend: 24 h); infinity for what does no harm when it is repeated. 0, the default: it offers nothing, so the intent is recorded first
   * and an attempt without a known result is never repeated.
   */
  idempotentFor?: number;
  /**
   * With an idempotent provider: when this was first tried, where the run records it (it keeps what it sends); the present for what certainly was not.
   * Undefined: a job whose earlier run ended without an answer may have tried it then. Milliseconds.
   */
  begun?: number | undefined;
  /** With an idempotent provider too the intent is recorded first: for one of many effects of a job that may wait longer than a key is valid. Default false. */
  noteFirst?: boolean;
  /** What a dry run gets instead of the call's value. */
  wouldDo?: T;
}

/** What became of an effect, as the job page shows it. `failed`: it was tried and certainly did not happen. */
export type EffectState = "done" | "intent" | "uncertain" | "failed" | "would-do";

export interface EffectRecord {
  key: string;
  revision: number;
  state: EffectState;
  /** JSON text: the value of the successful call; of `uncertain` the note for the next try. */
  result: string | null;
  /** Milliseconds; of the first try for `intent` and `uncertain`. */
  at: number;
}

/** The usual answer to a failed call: transient retries, limited waits, the rest is permanent. */
export function outcomeOf(failure: Failure, now: number): Retry | Wait | Discard {
  const { providerMessage } = failure;
  const options = { providerMessage, ...(failure.retryAfter === undefined ? {} : { after: failure.retryAfter }) };
  switch (failure.class) {
    case "transient":
    case "uncertain":
      return retry(failure.reason, options);
    case "limited":
      return wait(failure.reason, {
        until: now + (failure.retryAfter ?? 60) * 1000,
        ...(failure.gate === undefined ? {} : { gate: failure.gate, park: true, last: true }),
        providerMessage,
      });
    case "permanent":
    case "config":
      return discard(failure.reason, { providerMessage });
  }
}
