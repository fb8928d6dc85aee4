import type { Engine } from "../engine";
import { isLoaded, type LoadedExecution } from "../execution";
import type { Entry } from "../ports/gates";
import { retry, wait } from "../outcome";
import { redactedReason } from "../../masking/redact";

/** A gate that gave no answer for a job holds it back for so long. */
const noAnswerMs = 15_000;

/** The entry of a job for which its gate gave no answer. */
export function unansweredEntry(now: number): Entry & { granted: false } {
  return { granted: false, reason: "the gate did not answer", until: now + noAnswerMs, park: false };
}

/** Lets executions through their gates, one question per gate for all of them. Those held back are decided: they wait. Returns those that may run. */
export async function enterGates(engine: Engine, executions: readonly LoadedExecution[]): Promise<LoadedExecution[]> {
  const groups = new Map<string, { tenant: string; gate: string; members: LoadedExecution[] }>();
  for (const execution of executions) {
    const { tenant } = execution.job;
    for (const gate of gatesOf(execution)) {
      const key = `${tenant}/${gate}`;
      const group = groups.get(key);
      if (group) group.members.push(execution);
      else groups.set(key, { tenant, gate, members: [execution] });
    }
  }
  // Side by side: a gate that does not answer delays the jobs of no other gate.
  if (groups.size > 0) await Promise.all([...groups.values()].map((group) => enter(engine, group)));
  return executions.filter(isLoaded);
}

function gatesOf(execution: LoadedExecution): readonly string[] {
  if (execution.delivery.dry) return [];
  try {
    return execution.delivery.contract.gates(execution.input.payload);
  } catch (thrown) {
    execution.decide(retry(redactedReason(thrown)));
    return [];
  }
}

async function enter(engine: Engine, { tenant, gate, members }: { tenant: string; gate: string; members: readonly LoadedExecution[] }): Promise<void> {
  const ids = members.map(({ job }) => job.id);
  const { until, now } = members[0]?.lease ?? { until: 0, now: 0 };
  const entries = await engine.gates.enter(tenant, gate, ids, until - now, engine.now());
  for (const [index, execution] of members.entries()) {
    const entry: Entry = entries[index] ?? unansweredEntry(engine.now());
    if (entry.granted) (execution.entries ??= new Map()).set(gate, entry.lease);
    else execution.decide(wait(`${gate}: ${entry.reason}`, { until: entry.until, gate, park: entry.park }));
  }
}
