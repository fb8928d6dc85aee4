import type { Engine } from "../engine";
import type { Execution } from "../execution";
import { reasonOf } from "../../masking/redact";

/** In the first half minute of a batch heartbeats are as frequent as their callers need, later every four seconds at most: an invocation has a thousand queries. */
const youngMs = 30_000;
const minLaterGapMs = 4000;

/**
 * One round trip for all running jobs of a batch: writes their newest progress, reads their cancel flags and which of them another run holds.
 * It is sent only if the last one was `minGapMs` ago. Never throws.
 */
export function createHeartbeat(engine: Engine, token: string, running: ReadonlySet<Execution>): (minGapMs: number) => Promise<void> {
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
function hasProgress(running: ReadonlySet<Execution>): boolean {
  for (const { progress } of running) if (progress !== undefined) return true;
  return false;
}

async function ask(engine: Engine, token: string, executions: readonly Execution[]): Promise<void> {
  const beats = executions.map(({ job: { tenant, id }, progress }) => ({ tenant, id, progress: progress ?? null }));
  for (const execution of executions) execution.progress = undefined;
  try {
    const rows = new Map((await engine.ledger.heartbeat(beats, token)).map((row) => [`${row.tenant}/${row.id}`, row]));
    for (const execution of executions) {
      const row = rows.get(`${execution.job.tenant}/${execution.job.id}`);
      if (row?.cancel) execution.end("cancelled");
      else if (!row?.held) execution.end("lost");
    }
  } catch (thrown) {
    // Settling writes the newest progress anyway, and the next heartbeat comes in seconds.
    engine.emit({ event: "trouble", where: "heartbeat", reason: reasonOf(thrown) });
    for (const [index, execution] of executions.entries()) execution.progress ??= beats[index]?.progress ?? undefined;
  }
}
