import { setTimeout as passing } from "node:timers/promises";

const patience = 60_000;

/** Resolves when `GET /healthz` answers well, or when the signal fires; rejects when that takes over a minute. */
export async function healthy(url: string, signal: AbortSignal): Promise<void> {
  const until = Date.now() + patience;
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
