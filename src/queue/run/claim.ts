import { aboutJob } from "../../trace";
import { answerUnclaimed, refOf, secondsTo } from "../disposition";
import type { Engine } from "../engine";
import type { Execution } from "../execution";
import type { Pause } from "../ports/job-row";
import { isFresh, rowOf } from "../accept/row-on-demand";
import { clockToleranceMs } from "../lease";
import type { Claim, Lease } from "../ports/run-ledger";
import { orTrouble } from "../or-trouble";
import { overflow } from "../ports/heavy-ledger";
import { forward, mayForward } from "./overflow";
import { wait } from "../outcome";
import { keyOf } from "../ref";
import type { Suspect } from "./suspects";

/**
 * Claims the jobs of a batch in one round trip, which writes the rows of fresh ones; a job that should have a row and has none takes a second. A message
 * whose job can be claimed neither here nor alone is answered by its disposition. Claimed jobs that a pause holds are decided here. Jobs of tenants that are heavy on
 * `queue`, where the batch came from, are forwarded without a claim.
 */
export async function claim(
  engine: Engine,
  executions: readonly Execution[],
  lease: Lease,
  queue: string,
): Promise<{ claimed: Execution[]; suspects: Suspect[] }> {
  const byKey = new Map(executions.map((each) => [each.key, each]));
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
  const pauses = claims[0]?.pauses ?? [];
  if (pauses.length > 0) for (const execution of [...claimed, ...suspects.map(({ execution }) => execution)]) parkIfPaused(engine, execution, pauses, queue);
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

/** The ledger's answers for all jobs, in as few round trips as possible. Jobs without an answer are delivered again, those of heavy tenants forwarded. */
async function askLedger(engine: Engine, executions: readonly Execution[], lease: Lease, queue: string): Promise<Claim[]> {
  const first = await claimLight(engine, executions, lease, queue === overflow ? undefined : queue);
  if (!first) return [];
  if (first.heavy.length === 0) return claimMissing(engine, executions, first, lease);
  const heavy = new Set(first.heavy);
  const [aside, light] = parted(executions, ({ envelope }) => heavy.has(envelope.tenant));
  const [forwarded, exempt] = parted(aside, mayForward);
  await forward(engine, forwarded);
  const claims = await claimMissing(engine, light, first, lease);
  const second = exempt.length > 0 && (await claimLight(engine, exempt, lease, undefined));
  return second ? [...claims, ...(await claimMissing(engine, exempt, second, lease))] : claims;
}

/** Claims those of tenants that are not heavy on `queue`; undefined: of all. */
function claimLight(engine: Engine, executions: readonly Execution[], lease: Lease, queue: string | undefined): Promise<Claim | undefined> {
  const now = engine.now();
  const [fresh, others] = parted(executions, (each) => isFresh(engine, each, now));
  const options = { fresh: fresh.map((each) => rowOf(engine, each, now)), queue };
  return orRedeliver(engine, executions, () => engine.ledger.claim(others.map(refOf), lease, options));
}

/** An answer of the ledger, and a second one for those of the executions that should have a row and have none. */
async function claimMissing(engine: Engine, executions: readonly Execution[], first: Claim, lease: Lease): Promise<Claim[]> {
  if (first.claimed.length + first.found.length === executions.length) return [first];
  if (first.trouble !== undefined) engine.emit({ event: "trouble", where: "claim", reason: first.trouble });
  const answered = new Set([...first.claimed, ...first.found].map(keyOf));
  const unknown = executions.filter(({ key }) => !answered.has(key));
  const missing = unknown.filter((each) => !redeliverEarly(engine, each));
  if (missing.length === 0) return [first];
  const now = engine.now();
  const fresh = missing.map((each) => rowOf(engine, each, now));
  const second = await orRedeliver(engine, missing, () => engine.ledger.claim([], lease, { fresh }));
  // Jobs that the first round trip claimed run, also when the second one failed.
  return second ? [first, second] : [first];
}

/** Delivers a message of a job without a row again when it came before its due time. */
function redeliverEarly(engine: Engine, execution: Execution): boolean {
  const { due = 0 } = execution.envelope;
  const now = engine.now();
  if (due <= now + clockToleranceMs) return false;
  execution.redeliver(engine, secondsTo(due, now));
  return true;
}

async function orRedeliver<T>(engine: Engine, executions: readonly Execution[], ask: () => Promise<T>): Promise<T | undefined> {
  const answer = await orTrouble(engine, "claim", ask);
  if (answer === undefined) for (const execution of executions) execution.redeliver(engine);
  return answer;
}

function parted(executions: readonly Execution[], fits: (execution: Execution) => boolean): [Execution[], Execution[]] {
  const parts: [Execution[], Execution[]] = [[], []];
  for (const each of executions) parts[fits(each) ? 0 : 1].push(each);
  return parts;
}

/** A job whose queue, type or tenant is paused is parked without a run. `from`: the queue it came from, which may be `overflow`; its pause holds no second copy. */
function parkIfPaused(engine: Engine, execution: Execution, pauses: readonly Pause[], from: string): void {
  const { tenant, queue, copy } = execution.envelope;
  const names = { queue: copy ? [queue] : [queue, from], type: [execution.contract.type], tenant: [tenant] };
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
