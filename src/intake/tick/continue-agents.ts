import { dayMs } from "../../time/day";
import { forgetRuns } from "../../domain/agents/erase";
import { wakeDecided } from "../../domain/agents/wake";
import type { createPayloads } from "../../ledger/payloads";
import { createStateLookup } from "../../ledger/states";
import { rotationMark } from "../../ledger/watermarks";
import type { Engine } from "../../queue/engine";

/** Runs that one tick wakes. */
const maxWoken = 50;
interface AgentStepDeps {
  db: D1Database;
  engine: Engine;
  payloads: ReturnType<typeof createPayloads>;
}

/** Wakes runs whose proposal a person has decided, and removes runs without a job. */
export async function continueAgents({ db, engine, payloads }: AgentStepDeps, now: number): Promise<{ woken: number; removed: number }> {
  const woken = await wakeDecided({ db, engine, stateOf: createStateLookup(db) }, maxWoken);
  const mark = rotationMark(db, "agents");
  // A job that is accepted and has no row yet keeps its run.
  const { removed, last } = await forgetRuns(db, payloads, await mark.read(), now - dayMs);
  await mark.write(last);
  return { woken, removed };
}
