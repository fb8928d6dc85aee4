import type { ExpiredLease, HeldJob, Return, Shelf } from "../../ledger/work/model";
import { conclude, leaveGates } from "./conclude";
import type { WorkDeps } from "./deps";

/** Leases of one page. */
const pageSize = 100;

export interface Reaped {
  /** Offers that no worker started. */
  void: number;
  /** Jobs whose worker sent no heartbeat until its lease ran out. */
  crashed: number;
  more: boolean;
}

/**
 * Handles expired leases. An extended lease is checked again at its end. A job that was offered and not started is offered again, without an attempt.
 * A job whose worker sent nothing is offered again as after a crash, or is dead after too many crashes.
 */
export async function reap(deps: WorkDeps, shelf: Shelf, now: number): Promise<Reaped> {
  const rows = await deps.ledger.expired(shelf, now, pageSize);
  const [open, stale] = [rows.filter(isHeld), rows.filter((row) => !isHeld(row))];
  const [over, extended] = [open.filter(({ until }) => until <= now), open.filter(({ until }) => until > now)];
  if (extended.length > 0) await deps.ledger.moveLeases(extended);
  const cancelled = over.filter(({ cancel }) => cancel === 1);
  const worn = over.filter((row) => row.cancel === 0 && row.offered !== 1 && isWornOut(deps, row, now));
  await conclude(deps, [
    ...cancelled.map((job) => ({ job, outcome: { kind: "cancelled" } as const, started: job.offered !== 1 })),
    ...worn.map((row) => ({ job: afterLastCrash(row), outcome: { kind: "dead", reason: wornReason(row, now) } as const, started: true })),
  ]);
  const back = over.filter((row) => row.cancel === 0 && !worn.includes(row));
  const returned = await giveBack(deps, shelf, back, now);
  if (stale.length > 0) await deps.ledger.dropLeases(stale.map((row) => ({ ...shelf, id: row.id, at: row.leaseAt })));
  return { void: returned.void, crashed: returned.crashed + worn.length, more: rows.length === pageSize };
}

async function giveBack(deps: WorkDeps, { tenant, type }: Shelf, rows: readonly (ExpiredLease & HeldJob)[], now: number) {
  const returns = rows.map((row): Return & { row: ExpiredLease & HeldJob } => {
    const why = row.offered === 1 ? "void" : "crashed";
    const detail = why === "void" ? `${row.worker} took it and did not start it in time` : `${row.worker} was not heard of until its lease ran out`;
    return { tenant, id: row.id, nonce: row.lease ?? "", type, why, detail, row };
  });
  if (returns.length === 0) return { void: 0, crashed: 0 };
  const returned = new Set((await deps.ledger.giveBack(returns, now)).map(({ id }) => id));
  const done = returns.filter(({ id }) => returned.has(id));
  await deps.ledger.dropLeases(done.map(({ row }) => ({ tenant, type, id: row.id, at: row.leaseAt })));
  await leaveGates(
    deps.engine,
    done.map(({ row }) => row),
    "none",
  );
  const voids = done.filter(({ why }) => why === "void");
  for (const [worker, mine] of Map.groupBy(voids, ({ row }) => row.worker)) await deps.workers.voided(tenant, worker, pullsOf(mine.map(({ row }) => row)), now);
  if (voids.length > 0) deps.onVoid(tenant, type, voids.length);
  return { void: voids.length, crashed: done.length - voids.length };
}

/** Jobs of one answer are lost together, so they count as one void offer. */
function pullsOf(rows: readonly HeldJob[]): number {
  return new Set(rows.map(({ lease }) => lease)).size;
}

function isHeld(row: ExpiredLease): row is ExpiredLease & HeldJob {
  return row.state === "running" && row.wake === row.leaseAt && row.worker !== null;
}

/** The rule of inner runs: its worker crashed in each attempt, after a first crash that counted none; or its runs or age are used up. */
function isWornOut({ engine }: WorkDeps, row: HeldJob, now: number): boolean {
  const policy = engine.registry.find(row.type)?.contract.policy;
  if (!policy) return false;
  const isExhausted = row.crash === 1 && row.attempt + 1 >= Math.min(policy.maxAttempts, row.max);
  return isExhausted || row.runs >= policy.maxRuns || now - row.born > policy.maxAge * 1000;
}

/** A crash after another counts as an attempt. */
function afterLastCrash(row: HeldJob): HeldJob {
  return { ...row, attempt: row.attempt + (row.crash === 1 && row.attempt < row.max ? 1 : 0) };
}

function wornReason(row: ExpiredLease, now: number): string {
  const age = Math.floor((now - row.born) / 1000);
  return `its worker was not heard of until the lease ran out, in each of its attempts (${row.runs} runs in ${age} s; the last worker: ${row.worker})`;
}
