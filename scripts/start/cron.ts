import { setTimeout as passing } from "node:timers/promises";

const minute = 60_000;

/** Drives the cron, which never fires by itself on a developer's machine: at once and then each full minute, until the signal. The first tick brings back what an earlier start lost. */
export async function driveCron(url: string, signal: AbortSignal, report: (line: string) => void): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    const trouble = await tick(url, signal);
    if (signal.aborted) return;
    if (trouble && !failing) report(`The cron tick failed: ${trouble}`);
    if (!trouble && failing) report("The cron tick works again.");
    failing = trouble !== null;
    await passing(minute - (Date.now() % minute), undefined, { signal }).catch(() => undefined);
  }
}

/** Null when it went well, else what went wrong. */
async function tick(url: string, signal: AbortSignal): Promise<string | null> {
  try {
    const answer = await fetch(`${url}/cdn-cgi/local/scheduled?cron=*+*+*+*+*`, { signal: AbortSignal.any([signal, AbortSignal.timeout(minute)]) });
    const text = await answer.text();
    return answer.ok ? null : `${answer.status} ${text.slice(0, 200)}`;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}
