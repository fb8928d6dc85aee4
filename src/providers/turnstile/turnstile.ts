import { sha256Hex } from "../../crypto";
import type { Http } from "../http";

/** `unchecked`: it could not be checked, or the secret is wrong; neither is the visitor's fault. */
type TurnstileResult = { result: "passed" } | { result: "refused"; reason: string } | { result: "unchecked"; reason: string };

export interface TurnstileQuestion {
  secret: string;
  /** The widget's token in the form. */
  token: string;
  ip?: string | undefined;
  /** Repeated checks of one token with the same key count as one: for posts that are one submission. */
  repeatKey?: string | undefined;
  /** Whether the token was made on one of the project's pages. */
  isOwnHost(hostname: string): boolean;
}

type Turnstile = (question: TurnstileQuestion) => Promise<TurnstileResult>;

const address = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
const tries = 2;
/** Time limit of one try, during which a visitor waits. */
const maxTryMs = 3000;
const maxToken = 2048;
/** Codes for which the visitor must solve it again. */
const visitors = ["missing-input-response", "invalid-input-response", "timeout-or-duplicate", "bad-request"];

/**
 * Verifies a token within the request: it would have expired before a queued job runs. A token is valid once and for 300 s;
 * the idempotency key makes a second try after a lost answer, and a second press of the button, count as one. Never throws.
 * Source: Cloudflare's documentation of server-side validation.
 */
export function createTurnstile(http: Http): Turnstile {
  return async ({ secret, token, ip, repeatKey, isOwnHost }) => {
    if (token === "" || token.length > maxToken) return { result: "refused", reason: "the captcha was not solved" };
    const uuid = repeatKey === undefined ? crypto.randomUUID() : await uuidOf(JSON.stringify([repeatKey, token]));
    const body = JSON.stringify({ secret, response: token, ...(ip === undefined ? {} : { remoteip: ip }), idempotency_key: uuid });
    let reason = "no answer";
    for (let attempt = 0; attempt < tries; attempt++) {
      const signal = AbortSignal.timeout(maxTryMs);
      const reply = await http({
        method: "POST",
        url: address,
        headers: { "content-type": "application/json" },
        body,
        signal,
        timeLimit: maxTryMs,
        repeatable: true,
      });
      const answer = reply.ok ? answerOf(reply.value.json()) : undefined;
      if (answer && !answer.codes.includes("internal-error")) return turnstileResult(answer, isOwnHost);
      reason = reply.ok ? `answered ${reply.value.status}` : reply.failure.reason;
    }
    return { result: "unchecked", reason };
  };
}

interface Answer {
  success: boolean;
  hostname: string | undefined;
  codes: string[];
}

function turnstileResult({ success, hostname, codes }: Answer, isOwnHost: (hostname: string) => boolean): TurnstileResult {
  if (success && hostname !== undefined && hostname !== "" && !isTestHost(hostname) && !isOwnHost(hostname)) {
    return { result: "refused", reason: "the captcha was solved on another site" };
  }
  if (success) return { result: "passed" };
  const visitor = codes.find((code) => visitors.includes(code));
  if (visitor)
    return { result: "refused", reason: visitor === "timeout-or-duplicate" ? "the captcha has expired or was used before" : "the captcha was not solved" };
  return codes.length === 0 ? { result: "refused", reason: "the captcha was not solved" } : { result: "unchecked", reason: codes.join(", ").slice(0, 100) };
}

/** The host name that Turnstile's test keys return. */
function isTestHost(hostname: string): boolean {
  return hostname === "example.com";
}

function answerOf(body: unknown): Answer | undefined {
  if (typeof body !== "object" || body === null || !("success" in body) || typeof body.success !== "boolean") return undefined;
  const listed: unknown = "error-codes" in body ? body["error-codes"] : [];
  const codes = Array.isArray(listed) ? listed.filter((each) => typeof each === "string" && /^[a-z-]{1,64}$/.test(each)) : [];
  return { success: body.success, hostname: "hostname" in body && typeof body.hostname === "string" ? body.hostname : undefined, codes };
}

/** The same text, the same UUID (RFC 9562, version 8). */
async function uuidOf(text: string): Promise<string> {
  const hex = await sha256Hex(text, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
