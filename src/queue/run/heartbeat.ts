import type { Engine } from "../engine";
import { redactedReason } from "../../masking/redact";
import { keyOf } from "../ref";
import type { ActiveRun, Heartbeat, RunEnded } from "../active-run";

/** In the first half minute of a batch heartbeats are as frequent as their callers need, later every four seconds at most: an invocation has a thousand queries. */
const youngMs = 30_000;
const minLaterGapMs = 4000;

/**
 * One round trip for all running jobs of a batch: writes their newest progress, reads their cancel flags and which of them another run holds.
 * It is sent only if the last one was `minGapMs` ago. Never throws.
 */
export function createHeartbeat(engine: Engine, token: string, running: ReadonlySet<ActiveRun>): Heartbeat {
  // The claim read the flags too.
  const bornAt = engine.now();
  let lastAt = bornAt;
  let hasAsked = false;
  return async (minGapMs) => {
    const now = engine.now();
    const gap = now - bornAt < youngMs ? minGapMs : Math.max(minGapMs, minLaterGapMs);
    if (running.size === 0 || (now - lastAt < gap && (hasAsked || !hasProgress(running)))) return;
    lastAt = now;
    hasAsked = true;
    await ask(engine, token, [...running]);
  };
}

/** The first progress of a batch is written at once. */
function hasProgress(running: ReadonlySet<ActiveRun>): boolean {
  for (const { progress } of running) if (progress !== undefined) return true;
  return false;
}

async function ask(engine: Engine, token: string, runs: readonly ActiveRun[]): Promise<void> {
  const beats = runs.map(({ job: { tenant, id }, progress }) => ({ tenant, id, progress: progress ?? null }));
  for (const run of runs) run.progress = undefined;
  try {
    const rows = new Map((await engine.ledger.heartbeat(beats, token)).map((row) => [keyOf(row), row]));
    for (const run of runs) {
      const row = rows.get(keyOf(run.job));
      if (row?.cancel) run.end("cancelled");
      else if (!row?.held) run.end("lost");
    }
  } catch (thrown) {
    // Settling writes the newest progress anyway, and the next heartbeat comes in seconds.
    engine.emit({ event: "trouble", where: "heartbeat", reason: redactedReason(thrown) });
    for (const [index, run] of runs.entries()) run.progress ??= beats[index]?.progress ?? undefined;
  }
}

/** Why the ledger takes nothing more of this run. */
export async function endedBy(engine: Engine, run: ActiveRun): Promise<RunEnded> {
  const [row] = await engine.ledger.heartbeat([{ tenant: run.job.tenant, id: run.job.id, progress: null }], run.lease.token);
  return run.end(row?.cancel ? "cancelled" : "lost");
}
