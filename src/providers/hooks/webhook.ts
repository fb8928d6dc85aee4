import { quoted } from "../../masking/provider-text";
import { failed, type Failure, ok } from "../../queue/effect";
import { sign, type SignedHeaders } from "../../standard-webhooks";
import type { Http, HttpAnswer } from "../http";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import type { Hook, HookMessage } from "./hooks";
import { daySeconds } from "../../time/day";

export interface WebhookOptions {
  http: Http;
  url: string;
  /** Secrets of Standard Webhooks; each signs. Without one a delivery has its id and time, and no signature. */
  secrets?: readonly string[];
  /** Meaning of refusals: `make` answers 400 where others answer 429. */
  dialect?: "standard" | "make";
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

const maxKeptCharacters = 4096;
/** The id identifies a repeat however late it comes. */
const weekSeconds = 7 * daySeconds;

/**
 * Posts JSON, signed by Standard Webhooks. Only a 2xx is a success; redirects are not followed; 410 means that the receiver is gone.
 * A lost answer is `uncertain` and may be repeated: at least once, with the same id.
 * Source: Standard Webhooks 1.0.0, operational considerations; Make's help on custom webhooks.
 */
export function createWebhook(options: WebhookOptions): Hook {
  return {
    idempotentFor: weekSeconds,
    post: async (message, signal) => {
      const headers = { ...(await headersOf(message, options)), "content-type": "application/json", "jobyard-hops": String(message.hops) };
      const reply = await options.http({ method: "POST", url: options.url, headers, body: message.body, signal, sizeLimit: 64 * 1024, redirects: "answer" });
      if (!reply.ok) return failed({ ...reply.failure, reason: `webhook: ${reply.failure.reason}` });
      const answer = reply.value;
      if (answer.status >= 200 && answer.status < 300) return ok({ status: answer.status, response: answer.text().slice(0, maxKeptCharacters).toWellFormed() });
      return failed(webhookFailure(answer, options));
    },
  };
}

async function headersOf({ id, body }: HookMessage, { secrets = [], now }: WebhookOptions): Promise<SignedHeaders | Record<string, string>> {
  const signed = await sign(secrets, id, body, now());
  return signed ?? { "webhook-id": id, "webhook-timestamp": String(Math.floor(now() / 1000)) };
}

function webhookFailure(answer: HttpAnswer, options: WebhookOptions): Failure {
  const moved = answer.status >= 300 && answer.status < 400 ? " (redirects are not followed: give the final address)" : "";
  const reason = `webhook: ${answer.status}${moved}`;
  const quote = quoted(answer.text().slice(0, maxKeptCharacters), [options.url, ...(options.secrets ?? [])]);
  const special = options.dialect === "make" ? byMake(answer, options.now()) : byStandard(answer);
  return { ...statusFailure(answer.status, answer.headers, { repeatable: false, now: options.now() }), ...special, reason, ...quote };
}

type Special = Partial<Pick<Failure, "class" | "code" | "retryAfter">>;

/** Failures of a receiver are retried, except those that no repeat can correct. */
function byStandard({ status }: HttpAnswer): Special {
  if (status === 410) return { class: "config", code: "gone" };
  if (status === 413) return { class: "permanent" };
  return status < 500 && status !== 429 ? { class: "transient" } : {};
}

function byMake(answer: HttpAnswer, now: number): Special {
  if (answer.status === 400 && /queue is full/i.test(answer.text())) {
    return { class: "limited", code: "queue-full", retryAfter: Math.max(1, retryAfter(answer.headers, now) ?? 60) };
  }
  if (answer.status === 404 || answer.status === 410) return { class: "config", code: "gone" };
  return {};
}
