// @ts-check
/** One call of the public interface, repeated while it may help: 5xx, 408, 429 and network errors, with the same body. */

import { monotonicNow } from "./clock.js";

/** @typedef {{ url: string, token: string, fetch: typeof fetch }} To where calls go */

/** Milliseconds. */
const firstPause = 200;
const maxPause = 10_000;

/** What the server refused: never repeated. */
export class Refused extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super(body?.detail ?? `the server answered ${status}`);
    this.name = "Refused";
    this.status = status;
    /** @type {string} */
    this.code = body?.code ?? "unknown";
    this.body = body;
  }
}

/**
 * @param {To} to
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {{ tenant?: string, signal?: AbortSignal, timeoutMs?: number, giveUpAfterMs?: number }} [options]
 * @returns {Promise<any>}
 */
export async function call(to, method, path, body, { tenant, signal, timeoutMs = 30_000, giveUpAfterMs = 60_000 } = {}) {
  const startedAt = monotonicNow();
  for (let pause = firstPause; ; pause = Math.min(maxPause, pause * 2)) {
    const { answer, error, retryAfterMs } = await once(to, method, path, body, tenant, signal, timeoutMs);
    if (answer !== undefined) return answer;
    const wait = Math.max(retryAfterMs, pause * (0.5 + Math.random() / 2));
    if (signal?.aborted || monotonicNow() - startedAt + wait > giveUpAfterMs) throw error;
    await sleep(wait, signal);
  }
}

/**
 * @param {To} to
 * @param {string} method @param {string} path @param {unknown} body
 * @param {string | undefined} tenant @param {AbortSignal | undefined} signal @param {number} timeoutMs
 * @returns {Promise<{ answer?: any, error?: unknown, retryAfterMs: number }>}
 */
async function once(to, method, path, body, tenant, signal, timeoutMs) {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await to.fetch(to.url + path, {
      method,
      headers: {
        authorization: `Bearer ${to.token}`,
        "content-type": "application/json",
        "jobyard-protocol": "1",
        ...(tenant === undefined ? {} : { "jobyard-tenant": tenant }),
      },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const text = await response.text();
    if (response.ok) return { answer: text === "" ? null : JSON.parse(text), retryAfterMs: 0 };
    const mayPass = response.status >= 500 || response.status === 408 || response.status === 429;
    const refused = new Refused(response.status, parsed(text));
    if (!mayPass) throw refused;
    return { error: refused, retryAfterMs: Number(response.headers.get("retry-after") ?? 0) * 1000 || 0 };
  } catch (error) {
    if (error instanceof Refused) throw error;
    return { error, retryAfterMs: 0 };
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's page, not ours.
    return undefined;
  }
}

/**
 * Waits; ends early when the signal fires.
 * @param {number} milliseconds @param {AbortSignal} [signal] @returns {Promise<void>}
 */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
    function end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    }
  });
}
