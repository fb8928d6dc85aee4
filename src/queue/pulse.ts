import { end, type RunState } from "./context";
import type { Engine } from "./engine";
import { reasonOf } from "../masking/redact";

/** While a batch is young it looks every second where asked to, later every four: an invocation has a thousand queries. Milliseconds. */
const young = 30_000;
const leastLater = 4000;

/**
 * One look at all running jobs of a batch: writes their newest progress and learns which were asked to end or have another holder.
 * `least` milliseconds must have passed since the look before, else it does nothing. Never throws.
 */
export type Pulse = (least: number) => Promise<void>;

export function createPulse(engine: Engine, token: string, running: ReadonlySet<RunState>): Pulse {
  // The claim was a look too.
  const bornAt = engine.now();
  let lastAt = bornAt;
  let looked = false;
  return async (least) => {
    const now = engine.now();
    const wait = now - bornAt < young ? least : Math.max(least, leastLater);
    const runs = [...running];
    const firstWord = !looked && runs.some(({ progress }) => progress !== undefined);
    if (runs.length === 0 || (now - lastAt < wait && !firstWord)) return;
    lastAt = now;
    looked = true;
    await look(engine, token, runs);
  };
}

async function look(engine: Engine, token: string, runs: readonly RunState[]): Promise<void> {
  const said = runs.map((run) => ({ tenant: run.job.tenant, id: run.job.id, progress: run.progress ?? null }));
  for (const run of runs) run.progress = undefined;
  try {
    const rows = new Map((await engine.ledger.pulse(said, token)).map((row) => [`${row.tenant}/${row.id}`, row]));
    for (const run of runs) {
      const row = rows.get(`${run.job.tenant}/${run.job.id}`);
      if (row?.cancel) end(run, "cancelled");
      else if (!row?.held) end(run, "lost");
    }
  } catch (thrown) {
    // Settling writes the newest progress anyway, and the next look comes in seconds.
    engine.emit({ event: "trouble", where: "pulse", reason: reasonOf(thrown) });
    for (const [index, run] of runs.entries()) run.progress ??= said[index]?.progress ?? undefined;
  }
}
