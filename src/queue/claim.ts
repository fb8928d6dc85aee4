import { aboutJob } from "../trace";
import { answerUnclaimed, refOf } from "./disposition";
import type { Engine } from "./engine";
import type { Execution } from "./execution";
import type { Pause } from "./job-row";
import type { Claim, Lease } from "./run-ledger";
import { orTrouble } from "./or-trouble";
import { forward, mayForward, overflow } from "./overflow";
import { wait } from "./outcome";
import { newRow } from "./prepare";
import { keyOf } from "./ref";
import { payloadOf } from "./registry";
import type { Suspect } from "./suspects";

/**
 * Claims the jobs of a batch in one round trip; jobs that the ledger does not know take a second, which writes their rows. What can be
 * neither claimed nor claimed alone is answered by its disposition. Claimed jobs that a pause holds are decided here. Jobs of tenants that are heavy on
 * `queue`, where the batch came from, are forwarded without a claim.
 */
export async function claim(
  engine: Engine,
  executions: readonly Execution[],
  lease: Lease,
  queue: string,
): Promise<{ claimed: Execution[]; suspects: Suspect[] }> {
  const byKey = new Map(executions.map((each) => [keyOf(each.envelope), each]));
  const claims = await askLedger(engine, executions, lease, queue);
  const claimed: Execution[] = [];
  const suspects: Suspect[] = [];
  for (const job of claims.flatMap((each) => each.claimed)) {
    const execution = byKey.get(keyOf(job));
    execution?.claimed(job, lease);
    if (execution) claimed.push(execution);
  }
  for (const row of claims.flatMap(({ found }) => found)) {
    const execution = byKey.get(keyOf(row));
    if (execution && (await answerUnclaimed(engine, execution, row))) suspects.push({ execution, row });
  }
  for (const execution of [...claimed, ...suspects.map(({ execution }) => execution)]) hold(engine, execution, claims[0]?.pauses ?? [], queue);
  return { claimed, suspects };
}

/** Claims a job that is suspected of killing its Worker; false: it was answered instead. Without attempts, runs or time left it is decided dead. */
export async function claimAlone(engine: Engine, execution: Execution, lease: Lease): Promise<boolean> {
  const job = await orTrouble(engine, "claim", () => engine.ledger.claimAlone(refOf(execution), lease), aboutJob(execution.envelope));
  if (!job) {
    execution.redeliver(engine);
    return false;
  }
  execution.claimed(job, lease);
  const reason = reasonToGiveUp(execution, engine.now());
  if (reason !== undefined) execution.decide({ kind: "dead", reason });
  return true;
}

/** What the ledger says of each job, in as few answers as need be. Those it does not answer for are delivered again, those of heavy tenants forwarded. */
async function askLedger(engine: Engine, executions: readonly Execution[], lease: Lease, queue: string): Promise<Claim[]> {
  const from = queue === overflow ? undefined : queue;
  const first = await orRedeliver(engine, executions, () => engine.ledger.claim(executions.map(refOf), lease, from));
  if (!first) return [];
  if (first.heavy.length === 0) return adoptUnknown(engine, executions, first, lease);
  const heavy = new Set(first.heavy);
  const [aside, light] = parted(executions, ({ envelope }) => heavy.has(envelope.tenant));
  const [forwarded, exempt] = parted(aside, mayForward);
  await forward(engine, forwarded);
  const claims = await adoptUnknown(engine, light, first, lease);
  if (exempt.length === 0) return claims;
  const second = await orRedeliver(engine, exempt, () => engine.ledger.claim(exempt.map(refOf), lease));
  return second ? [...claims, ...(await adoptUnknown(engine, exempt, second, lease))] : claims;
}

/** An answer of the ledger, and a second one for those of the executions that it does not know. */
async function adoptUnknown(engine: Engine, executions: readonly Execution[], first: Claim, lease: Lease): Promise<Claim[]> {
  if (first.claimed.length + first.found.length === executions.length) return [first];
  const known = new Set([...first.claimed, ...first.found].map(keyOf));
  const unknown = executions.filter(({ envelope }) => !known.has(keyOf(envelope)));
  const rows = unknown.map(({ envelope, contract }) => newRow(engine, contract, envelope, payloadOf(contract, envelope)));
  const adopted = await orRedeliver(engine, unknown, () => engine.ledger.adopt(rows, lease));
  // What the first round trip claimed is run, whatever became of the second.
  return adopted ? [first, adopted] : [first];
}

async function orRedeliver<T>(engine: Engine, executions: readonly Execution[], ask: () => Promise<T>): Promise<T | undefined> {
  const answer = await orTrouble(engine, "claim", ask);
  if (answer === undefined) for (const execution of executions) execution.redeliver(engine);
  return answer;
}

function parted(executions: readonly Execution[], fits: (execution: Execution) => boolean): [Execution[], Execution[]] {
  const fitting = new Set(executions.filter(fits));
  return [[...fitting], executions.filter((each) => !fitting.has(each))];
}

/** A job whose queue, type or tenant is paused is parked without a run. `from`: the queue it came from, which may be `overflow`. */
function hold(engine: Engine, execution: Execution, pauses: readonly Pause[], from: string): void {
  const { tenant, queue } = execution.envelope;
  const names = { queue: [queue, from], type: [execution.contract.type], tenant: [tenant] };
  const pause = pauses.find((each) => (each.tenant === "*" || each.tenant === tenant) && names[each.scope].includes(each.name));
  if (!pause) return;
  const name = `${pause.scope}/${pause.name}`;
  execution.decide(wait(`paused: ${name}`, { until: engine.now(), gate: `pause/${name}`, park: true }));
}

/** A job whose Worker died in each of its attempts, or whose runs or time are used up by such deaths, is not run once more. */
function reasonToGiveUp({ job, contract: { policy } }: Execution, now: number): string | undefined {
  const { attempt, max, runs, born } = job;
  if (attempt >= Math.min(policy.maxAttempts, max)) return `the Worker died in each of its ${policy.maxAttempts} attempts`;
  if (runs <= policy.maxRuns && now - born <= policy.maxAge * 1000) return undefined;
  return `the Worker died in its last run, and it had ${runs} of them since ${new Date(born).toISOString()}`;
}
