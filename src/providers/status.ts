import type { Failure } from "../queue/effect";
import { retryAfter } from "./retry-after";

/** Traits of a call that, with the status, decide the class of a refusal. */
interface CallTraits {
  /** A repeat is harmless, so a server error leaves nothing uncertain. */
  repeatable: boolean;
  /** Milliseconds, to read an HTTP-date. */
  now: number;
}

/**
 * The failure of an unsuccessful answer, when the provider's own codes give no better one.
 * `reason` names the status only, so it contains no personal data.
 */
export function statusFailure(status: number, headers: Headers, traits: CallTraits): Failure {
  const after = retryAfter(headers, traits.now);
  const match = table.find((rule) => rule.when(status, after));
  const failure: Failure = { class: match ? match.class : traits.repeatable ? "transient" : "uncertain", reason: `answered ${status}`, code: String(status) };
  if (after === undefined || !waits(failure)) return failure;
  // A wait of 0 seconds counts no attempt: the job would be repeated at once, without end.
  return { ...failure, retryAfter: failure.class === "limited" ? Math.max(1, after) : after };
}

interface Rule {
  when: (status: number, after: number | undefined) => boolean;
  class: Failure["class"];
}

/** The first match counts. Other statuses are server errors, which may occur after the work was done. */
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
