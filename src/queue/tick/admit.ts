import { backNow, bringBackAll } from "./bring-back";
import type { Engine } from "../engine";
import type { Pause } from "../ports/job-row";
import type { DueJob, ParkedGate, ParkedPage } from "../ports/tick-ledger";
import { keyOf } from "../ref";
import { type Budget, inTurns, interleaved, rotated } from "./turns";

/** Gates asked in one tick, one call each; the next tick begins with others. Jobs that a pause held need no such call. */
const maxGates = 200;
/** Jobs for which a gate is asked at once. */
const maxAdmitted = 10_000;

interface Admitted {
  admitted: number;
  /** Whether jobs or gates are left for the next tick. */
  more: boolean;
}

/** Admits parked jobs: as many as their gate allows in the next minute. Jobs parked by a pause: none until it is lifted, then all. */
export async function admitParked(engine: Engine, now: number, pauses: readonly Pause[], budget: Budget): Promise<Admitted> {
  const gates = rotated(
    (await engine.ledger.parkedGates()).filter((gate) => !isPaused(gate, pauses)),
    engine.random,
  );
  const limited = gates.filter(({ gate }) => !isPauseGate(gate));
  const skipped = new Set(limited.slice(maxGates));
  const { admitted, more } = await admitAt(
    engine,
    gates.filter((gate) => !skipped.has(gate)),
    now,
    budget,
  );
  return { admitted, more: more || skipped.size > 0 };
}

/** Admits jobs parked at these gates, tenants in turn, each gate's jobs spread by its rate. */
export async function admitAt(engine: Engine, gates: readonly ParkedGate[], now: number, budget: Budget): Promise<Admitted> {
  const allowances = new Map<ParkedGate, Allowance>();
  let admitted = 0;
  const left = await inTurns(gates, budget, async (turn, limit) => {
    const pages = await engine.ledger.parked(turn, limit);
    budget.spend(2);
    await askGates(engine, turn, pages, allowances, now);
    const chosen = interleaved(turn.map((gate, index) => withinAllowance(allowances.get(gate), pages[index]?.rows ?? [])));
    const delays = new Map(chosen.map(({ row, delaySeconds }) => [keyOf(row), delaySeconds]));
    const rows = chosen.map(({ row }) => row);
    admitted += await bringBackAll(engine, rows, (row) => backNow(row, now, false, delays.get(keyOf(row))), now, budget);
    await forgetEmpty(engine, pages, budget);
    return turn.filter((gate, index) => pages[index]?.more && (allowances.get(gate)?.left ?? 0) > 0);
  });
  return { admitted, more: left || budget.isSpent() };
}

/** How many jobs a gate admits, read once a tick, and how many of these were admitted. */
interface Allowance {
  left: number;
  perSecond: number;
  taken: number;
}

async function askGates(
  engine: Engine,
  gates: readonly ParkedGate[],
  pages: readonly ParkedPage[],
  known: Map<ParkedGate, Allowance>,
  now: number,
): Promise<void> {
  const ask = async (gate: ParkedGate, page: ParkedPage | undefined) => {
    if (known.has(gate) || !page || page.rows.length === 0) return;
    const lifted = { count: Infinity, perSecond: Infinity };
    const waiting = page.more ? maxAdmitted : page.rows.length;
    const { count, perSecond } = isPauseGate(gate.gate) ? lifted : await engine.gates.admit(gate.tenant, gate.gate, waiting, now);
    known.set(gate, { left: count, perSecond, taken: 0 });
  };
  await Promise.all(gates.map((gate, index) => ask(gate, pages[index])));
}

/** The first of the page, as many as are allowed, each with its place in the minute. */
function withinAllowance(allowance: Allowance | undefined, rows: readonly DueJob[]): { row: DueJob; delaySeconds: number }[] {
  if (!allowance) return [];
  const chosen = rows.slice(0, Math.max(0, allowance.left));
  const first = allowance.taken;
  allowance.left -= chosen.length;
  allowance.taken += chosen.length;
  return chosen.map((row, index) => ({ row, delaySeconds: Math.min(60, Math.floor((first + index) / allowance.perSecond)) }));
}

async function forgetEmpty(engine: Engine, pages: readonly ParkedPage[], budget: Budget): Promise<void> {
  const empty = pages.filter(({ rows, more }) => rows.length === 0 && !more);
  if (empty.length === 0) return;
  await engine.ledger.forgetGates(empty);
  budget.spend(1);
}

function isPauseGate(gate: string): boolean {
  return gate.startsWith("pause/");
}

function isPaused({ tenant, gate }: ParkedGate, pauses: readonly Pause[]): boolean {
  return pauses.some((each) => (each.tenant === tenant || each.tenant === "*") && gate === `pause/${each.scope}/${each.name}`);
}
