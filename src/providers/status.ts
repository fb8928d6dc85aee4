import type { Failure } from "../queue/effect";
import { retryAfter } from "./retry-after";

/** What, besides the status, decides the class of a refusal. */
export interface CallTraits {
  /** Doing it twice does no harm: a server error then leaves nothing uncertain. */
  repeatable: boolean;
  /** Milliseconds, to read an HTTP-date. */
  now: number;
}

/**
 * The failure that an answer without success means, when the provider's own codes say nothing better.
 * `reason` names the status only, so it holds nothing personal.
 */
export function statusFailure(status: number, headers: Headers, traits: CallTraits): Failure {
  const after = retryAfter(headers, traits.now);
  const found = table.find((rule) => rule.when(status, after));
  const failure: Failure = { class: found ? found.class : traits.repeatable ? "transient" : "uncertain", reason: `answered ${status}`, code: String(status) };
  if (after === undefined || !waits(failure)) return failure;
  // A wait of 0 seconds counts no attempt: the job would be repeated at once, without end.
  return { ...failure, retryAfter: failure.class === "limited" ? Math.max(1, after) : after };
}

interface Rule {
  when: (status: number, after: number | undefined) => boolean;
  class: Failure["class"];
}

/** First match counts. What is left are server errors, which may have happened after the work was done. */
const table: readonly Rule[] = [
  { when: (status) => status === 429, class: "limited" },
  { when: (status, after) => status === 503 && after !== undefined, class: "limited" },
  { when: (status) => status === 408 || status === 425, class: "transient" },
  { when: (status) => status === 401 || status === 403, class: "config" },
  { when: (status) => status < 500, class: "permanent" },
  // Cloudflare's own answers when it never reached the server: refused, unreachable, TLS, DNS.
  { when: (status) => [521, 523, 525, 526, 530].includes(status), class: "transient" },
];

function waits(failure: Failure): boolean {
  return failure.class === "limited" || failure.class === "transient" || failure.class === "uncertain";
}
