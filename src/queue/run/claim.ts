import { aboutJob } from "../../trace";
import { answerUnclaimed, refOf, secondsTo } from "../disposition";
import type { Engine } from "../engine";
import { Execution } from "../execution";
import type { Pause } from "../ports/job-row";
import { isFresh, rowFromDelivery } from "../accept/row-on-demand";
import { clockToleranceMs } from "../lease";
import type { Claim, ClaimedJob, Lease } from "../ports/run-ledger";
import { orTrouble } from "../or-trouble";
import { overflow } from "../ports/heavy-ledger";
import type { Delivery } from "./delivery";
import { forward, mayForward } from "./overflow";
import { wait, type Wait } from "../outcome";
import { keyOf } from "../ref";
import type { Suspect } from "./suspects";

/**
 * Claims the jobs of a batch in one round trip, which writes the rows of fresh ones; a job that should have a row and has none takes a second. A message
 * whose job can be claimed neither here nor alone is answered by its disposition. Claimed jobs that a pause holds are decided here. Jobs of tenants that are heavy on
 * `queue`, where the batch came from, are forwarded without a claim.
 */
export async function claim(
  engine: Engine,
  deliveries: readonly Delivery[],
  lease: Lease,
  queue: string,
): Promise<{ claimed: Execution[]; suspects: Suspect[] }> {
  const byKey = new Map(deliveries.map((each) => [each.key, each]));
  const claims = await askLedger(engine, deliveries, lease, queue);
  const pauses = claims[0]?.pauses ?? [];
  const claimed: Execution[] = [];
  const suspects: Suspect[] = [];
  for (const job of claims.flatMap((each) => each.claimed)) {
    const delivery = byKey.get(keyOf(job));
    if (delivery) claimed.push(executionOf(delivery, job, lease, heldBy(engine, delivery, pauses, queue)));
  }
  for (const row of claims.flatMap(({ found }) => found)) {
    const delivery = byKey.get(keyOf(row));
    if (!delivery || !(await answerUnclaimed(engine, delivery, row))) continue;
    suspects.push({ delivery, row, held: heldBy(engine, delivery, pauses, queue) });
  }
  return { claimed, suspects };
}

/** Claims a job that is suspected of killing its Worker; undefined: it was answered instead. Without attempts, runs or time left it is decided dead. */
export async function claimAlone(engine: Engine, { delivery, held }: Suspect, lease: Lease): Promise<Execution | undefined> {
  const job = await orTrouble(engine, "claim", () => engine.ledger.claimAlone(refOf(delivery), lease), aboutJob(delivery.envelope));
  if (!job) {
    delivery.redeliver(engine);
    return undefined;
  }
  const execution = executionOf(delivery, job, lease, held);
  const reason = reasonToGiveUp(execution, engine.now());
  if (reason !== undefined) execution.decide({ kind: "dead", reason });
  return execution;
}

function executionOf(delivery: Delivery, job: ClaimedJob, lease: Lease, held: Wait | undefined): Execution {
  const execution = new Execution(delivery, job, lease);
  if (held) execution.decide(held);
  return execution;
}

/** The ledger's answers for all jobs, in as few round trips as possible. Jobs without an answer are delivered again, those of heavy tenants forwarded. */
async function askLedger(engine: Engine, deliveries: readonly Delivery[], lease: Lease, queue: string): Promise<Claim[]> {
  const first = await claimLight(engine, deliveries, lease, queue === overflow ? undefined : queue);
  if (!first) return [];
  if (first.heavy.length === 0) return claimMissing(engine, deliveries, first, lease);
  const heavy = new Set(first.heavy);
  const [aside, light] = parted(deliveries, ({ envelope }) => heavy.has(envelope.tenant));
  const [forwarded, exempt] = parted(aside, mayForward);
  await forward(engine, forwarded);
  const claims = await claimMissing(engine, light, first, lease);
  const second = exempt.length > 0 && (await claimLight(engine, exempt, lease, undefined));
  return second ? [...claims, ...(await claimMissing(engine, exempt, second, lease))] : claims;
}

/** Claims those of tenants that are not heavy on `queue`; undefined: of all. */
function claimLight(engine: Engine, deliveries: readonly Delivery[], lease: Lease, queue: string | undefined): Promise<Claim | undefined> {
  const now = engine.now();
  const [fresh, others] = parted(deliveries, (each) => isFresh(engine, each, now));
  const options = { fresh: fresh.map((each) => rowFromDelivery(engine, each, now)), queue };
  return orRedeliver(engine, deliveries, () => engine.ledger.claim(others.map(refOf), lease, options));
}

/** An answer of the ledger, and a second one for those of the deliveries that should have a row and have none. */
async function claimMissing(engine: Engine, deliveries: readonly Delivery[], first: Claim, lease: Lease): Promise<Claim[]> {
  if (first.claimed.length + first.found.length === deliveries.length) return [first];
  if (first.trouble !== undefined) engine.emit({ event: "trouble", where: "claim", reason: first.trouble });
  const answered = new Set([...first.claimed, ...first.found].map(keyOf));
  const unknown = deliveries.filter(({ key }) => !answered.has(key));
  const missing = unknown.filter((each) => !redeliverEarly(engine, each));
  if (missing.length === 0) return [first];
  const now = engine.now();
  const fresh = missing.map((each) => rowFromDelivery(engine, each, now));
  const second = await orRedeliver(engine, missing, () => engine.ledger.claim([], lease, { fresh }));
  // Jobs that the first round trip claimed run, also when the second one failed.
  return second ? [first, second] : [first];
}

/** Delivers a message of a job without a row again when it came before its due time. */
function redeliverEarly(engine: Engine, delivery: Delivery): boolean {
  const { due = 0 } = delivery.envelope;
  const now = engine.now();
  if (due <= now + clockToleranceMs) return false;
  delivery.redeliver(engine, secondsTo(due, now));
  return true;
}

async function orRedeliver<T>(engine: Engine, deliveries: readonly Delivery[], ask: () => Promise<T>): Promise<T | undefined> {
  const answer = await orTrouble(engine, "claim", ask);
  if (answer === undefined) for (const delivery of deliveries) delivery.redeliver(engine);
  return answer;
}

function parted(deliveries: readonly Delivery[], fits: (delivery: Delivery) => boolean): [Delivery[], Delivery[]] {
  const parts: [Delivery[], Delivery[]] = [[], []];
  for (const each of deliveries) parts[fits(each) ? 0 : 1].push(each);
  return parts;
}

/** How a job is decided whose queue, type or tenant is paused: parked without a run. `from`: the queue it came from, which may be `overflow`; its pause holds no second copy. */
function heldBy(engine: Engine, { envelope, contract }: Delivery, pauses: readonly Pause[], from: string): Wait | undefined {
  if (pauses.length === 0) return undefined;
  const { tenant, queue, copy } = envelope;
  const names = { queue: copy ? [queue] : [queue, from], type: [contract.type], tenant: [tenant] };
  const pause = pauses.find((each) => (each.tenant === "*" || each.tenant === tenant) && names[each.scope].includes(each.name));
  if (!pause) return undefined;
  const name = `${pause.scope}/${pause.name}`;
  return wait(`paused: ${name}`, { until: engine.now(), gate: `pause/${name}`, park: true });
}

/** A job whose Worker died in each of its attempts, or whose runs or time are used up by such deaths, is not run once more. */
function reasonToGiveUp({ job, delivery: { contract } }: Execution, now: number): string | undefined {
  const { attempt, max, runs, born } = job;
  const { policy } = contract;
  if (attempt >= Math.min(policy.maxAttempts, max)) return `the Worker died in each of its ${policy.maxAttempts} attempts`;
  if (runs <= policy.maxRuns && now - born <= policy.maxAge * 1000) return undefined;
  return `the Worker died in its last run, and it had ${runs} of them since ${new Date(born).toISOString()}`;
}
