import type { Failure } from "../../queue/effect";
import type { HttpAnswer } from "../http";
import { redact } from "../redact";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";

/** Codes say more than the status: a 429 may be a rate to wait for, or an account that is empty. */
const byCode: Record<string, Failure["class"]> = {
  insufficient_quota: "config",
  credit_balance_exhausted: "config",
  billing_hard_limit_reached: "config",
  organization_usage_limit_exceeded: "config",
  invalid_api_key: "config",
  model_not_found: "config",
  rate_limit_exceeded: "limited",
  slow_down: "limited",
  server_is_overloaded: "limited",
  context_length_exceeded: "permanent",
  content_filter: "permanent",
  content_policy_violation: "permanent",
  invalid_request_error: "permanent",
};

/** Seconds to wait when a limit does not say. */
const usualWait = 20;

/** What a refusal of an OpenAI-compatible API means: by its code first, then by its status. */
export function refusalOf(answer: HttpAnswer, known: readonly string[], now: number): Failure {
  const { code, type, message } = errorOf(answer.json());
  const word = wordOf(code) ?? wordOf(type);
  const usual = statusFailure(answer.status, answer.headers, { repeatable: true, now });
  const kind = classOf(answer, wordOf(code)) ?? classOf(answer, wordOf(type)) ?? byStatus(answer.status) ?? usual.class;
  const wait = retryAfter(answer.headers, now);
  const said = typeof message === "string" ? `: ${redact(message, known)}` : "";
  return {
    class: kind,
    reason: `model: ${answer.status}${word ? ` ${word}` : ""}${said}`,
    code: word ?? String(answer.status),
    ...waitOf(kind, wait),
  };
}

function waitOf(kind: Failure["class"], asked: number | undefined): Pick<Failure, "retryAfter"> {
  if (kind === "limited") return { retryAfter: Math.max(1, asked ?? usualWait) };
  return kind === "transient" && asked !== undefined ? { retryAfter: asked } : {};
}

function classOf({ status }: HttpAnswer, word: string | undefined): Failure["class"] | undefined {
  if (word === undefined) return undefined;
  if (word.endsWith("_spend_limit_exceeded")) return "config";
  // A server error stays one, whatever its body calls it, unless it says that it is busy.
  const kind = Object.hasOwn(byCode, word) ? byCode[word] : undefined;
  return status >= 500 && kind !== "limited" ? undefined : kind;
}

/** 529: overloaded, as some vendors say it. 402: unpaid. */
function byStatus(status: number): Failure["class"] | undefined {
  if (status === 529) return "limited";
  if (status === 402) return "config";
  return status === 408 || status === 409 ? "transient" : undefined;
}

function errorOf(body: unknown): { code?: unknown; type?: unknown; message?: unknown } {
  const error = typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
  return typeof error === "object" && error !== null ? error : {};
}

function wordOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[a-z_]{1,64}$/.test(value) ? value : undefined;
}
