import { setTimeout as passing } from "node:timers/promises";

const maxStartMs = 60_000;

/** A Worker that is well answers within a second; longer than this it computes without end. Milliseconds. */
const longestSilence = 30_000;
const lookEvery = 2000;

/** Resolves when `GET /healthz` gets no answer of any status for half a minute; never once the signal has fired. */
export async function silent(url: string, signal: AbortSignal, silence: number = longestSilence): Promise<void> {
  while (!signal.aborted) {
    if (!(await answers(url, signal, silence))) break;
    await passing(lookEvery, undefined, { signal }).catch(() => undefined);
  }
  if (signal.aborted) await new Promise(() => undefined);
}

async function answers(url: string, signal: AbortSignal, within: number): Promise<boolean> {
  const limit = AbortSignal.timeout(within);
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.any([signal, limit]) });
    await answer.arrayBuffer();
    return true;
  } catch {
    // A connection that is refused or broken is the process's own end, which is seen elsewhere.
    return !limit.aborted;
  }
}

/** Resolves when `GET /healthz` answers well, or when the signal fires; rejects when that takes over a minute. */
export async function healthy(url: string, signal: AbortSignal): Promise<void> {
  const until = Date.now() + maxStartMs;
  let last = "no answer";
  while (!signal.aborted) {
    try {
      const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]) });
      last = `${answer.status} ${(await answer.text()).slice(0, 200)}`;
      if (answer.ok) return;
    } catch (cause) {
      last = cause instanceof Error ? cause.message : String(cause);
    }
    if (Date.now() > until) throw new Error(`The Worker does not become healthy: GET /healthz gives ${last}`);
    await passing(100);
  }
}
