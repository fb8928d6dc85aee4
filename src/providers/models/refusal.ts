import { isRecord } from "../../json/record";
import type { Failure } from "../../queue/effect";
import type { HttpAnswer } from "../http";
import { codeIn, quoted } from "../../masking/provider-text";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";

/** A refusal of a call, by its status or inside a 200. */
interface RefusedCall {
  status: number;
  headers: Headers;
  code: string | undefined;
  type: string | undefined;
  param: unknown;
  /** The provider's message; empty when there is none. */
  message: string;
  /** The whole body, in which names of parameters are searched. */
  text: string;
}

/** The code precedes the status: a 429 may be a rate limit or an account without credit. */
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
  overloaded_error: "limited",
  context_length_exceeded: "permanent",
  content_filter: "permanent",
  content_policy_violation: "permanent",
  invalid_request_error: "permanent",
};

/** Seconds to wait when a limit gives no time. */
const usualWaitSeconds = 20;

/** The refusal in an answer: any status but 200, or a 200 with an error instead of a completion. `body`: its JSON, if any. */
export function errorIn(answer: HttpAnswer, body: unknown): RefusedCall | undefined {
  const error = errorOf(body);
  if (answer.status === 200 && (!error || hasAnswer(body))) return undefined;
  const { code, type, param, message, metadata } = error ?? {};
  return {
    status: (answer.status === 200 ? statusOf(error) : undefined) ?? answer.status,
    headers: answer.headers,
    code: errorWordOf(code),
    type: errorWordOf(type),
    param,
    message: [jsonTextOf(message), jsonTextOf(fieldOf(metadata, "raw"))].filter((each) => each !== "").join(": "),
    text: answer.text(),
  };
}

/** Whether it may concern a parameter: a bad request without a code of another meaning. */
export function isAboutParameters({ status, code }: RefusedCall): boolean {
  return [200, 400, 404, 415, 422, 501].includes(status) && (code === undefined || code === "invalid_request_error" || !Object.hasOwn(byCode, code));
}

/** The failure for a refusal of an OpenAI-compatible API: by its code first, then by its status. */
export function modelRefusal({ status, headers, code, type, message }: RefusedCall, secrets: readonly string[], now: number): Failure {
  const errorWord = code ?? type;
  const usual = statusFailure(status, headers, { repeatable: true, now });
  const kind = classOf(status, code) ?? classOf(status, type) ?? byStatus(status) ?? usual.class;
  return {
    class: kind,
    reason: `models: ${status}${errorWord ? ` ${errorWord}` : ""}`,
    ...quoted(message, secrets),
    code: errorWord ?? String(status),
    ...waitOf(kind, retryAfter(headers, now)),
  };
}

function waitOf(kind: Failure["class"], requestedSeconds: number | undefined): Pick<Failure, "retryAfter"> {
  if (kind === "limited") return { retryAfter: Math.max(1, requestedSeconds ?? usualWaitSeconds) };
  return kind === "transient" && requestedSeconds !== undefined ? { retryAfter: requestedSeconds } : {};
}

function classOf(status: number, word: string | undefined): Failure["class"] | undefined {
  if (word === undefined) return undefined;
  if (word.endsWith("_spend_limit_exceeded")) return "config";
  // A server error stays one with any body, except a body that reports overload.
  const kind = Object.hasOwn(byCode, word) ? byCode[word] : undefined;
  return status >= 500 && kind !== "limited" ? undefined : kind;
}

/** 529: overloaded, of some vendors. 402: unpaid. 200: an error without a status. */
function byStatus(status: number): Failure["class"] | undefined {
  if (status === 529) return "limited";
  if (status === 402) return "config";
  return [200, 408, 409].includes(status) ? "transient" : undefined;
}

type ErrorBody = Record<string, unknown>;

/** `{"error": {…}}`, `[{"error": {…}}]`, `{"error": "…"}`, the same inside a choice, or `{"object": "error", …}`, by vendor. */
function errorOf(body: unknown): ErrorBody | undefined {
  const outer: unknown = Array.isArray(body) ? body[0] : body;
  const choices = fieldOf(outer, "choices");
  const error = fieldOf(outer, "error") ?? fieldOf(Array.isArray(choices) ? choices[0] : undefined, "error");
  if (typeof error === "string") return { ...(isRecord(outer) ? outer : {}), message: fieldOf(outer, "message") ?? error };
  if (isRecord(error)) return error;
  if (!isRecord(outer) || Array.isArray(choices)) return undefined;
  if (outer["object"] === "error" || "message" in outer || "detail" in outer) return { ...outer, message: outer["message"] ?? outer["detail"] };
  const errors = outer["errors"];
  return Array.isArray(errors) && isRecord(errors[0]) ? errors[0] : undefined;
}

/** A `null` error beside an answer is no error; a choice that ended in an error is no answer. */
function hasAnswer(body: unknown): boolean {
  const choices = fieldOf(body, "choices");
  return Array.isArray(choices) && choices.length > 0 && !isRecord(fieldOf(choices[0], "error")) && !isRecord(fieldOf(body, "error"));
}

function statusOf(error: ErrorBody | undefined): number | undefined {
  return [error?.["code"], error?.["status"]].map(Number).find((each) => Number.isInteger(each) && each >= 400 && each <= 599);
}

function jsonTextOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

/** A number only repeats the status. */
function errorWordOf(value: unknown): string | undefined {
  return typeof value === "string" && !/^\d+$/.test(value) ? codeIn(value) : undefined;
}
