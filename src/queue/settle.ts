import { RunEnded, type RunState } from "./context";
import type { Engine } from "./engine";
import type { Envelope } from "./envelope";
import type { LeaveReport } from "./gates";
import { insist } from "./insist";
import type { Settled } from "./ledger";
import type { Outcome } from "./outcome";
import { reasonOf } from "../masking/redact";
import { keyOf } from "./ref";
import { send } from "./send";
import { isTerminal } from "./state";
import { cancelledTransition, transitionOf, type Settlement } from "./transition";

/** Finished runs wait at most this long for mates to be recorded with. Milliseconds. */
export const waveEvery = 250;

/** One finished run, and the messages that are acknowledged once it is recorded. */
export interface Finished {
  envelope: Envelope;
  run: RunState;
  outcome: Outcome | RunEnded;
  ack(): void;
  /** The ledger could not record it: the platform shall deliver again after this many seconds. */
  redeliver(seconds: number): void;
}

/** Records a wave of finished runs: record, then send copies, then ack. Duplicates over loss. Never throws. */
export async function settleWave(engine: Engine, wave: readonly Finished[], token: string): Promise<void> {
  const now = engine.now();
  const known = wave.filter((each) => !(each.outcome instanceof RunEnded && each.outcome.why === "lost"));
  const settlements = new Map(known.map((each) => [keyOf(each.envelope), { each, settlement: settlementOf(engine, each, now) }]));
  const transitions = [...settlements.values()].map(({ settlement }) => settlement.transition);
  const settled = await recorded(engine, transitions, token, now);
  if (!settled) {
    // Its lease runs out and it is run again, alone; effects recorded so far are not repeated.
    for (const each of wave) each.redeliver(60);
    return;
  }
  const byKey = new Map(settled.map((row) => [keyOf(row), row]));
  for (const [key, { each, settlement }] of settlements) announce(engine, each, settlement, byKey.get(key));
  await sendCopies(engine, settlements, settled);
  for (const each of wave) each.ack();
}

/** Tells the gates who left, one call per gate. Never throws. */
export async function tellGates(engine: Engine, left: readonly { tenant: string; gate: string; report: LeaveReport }[]): Promise<void> {
  const groups = Map.groupBy(left, ({ tenant, gate }) => `${tenant}/${gate}`);
  const told = [...groups.values()].map(async (group) => {
    const reports = group.map(({ report }) => report);
    if (group[0]) await engine.gates.leave(group[0].tenant, group[0].gate, reports, engine.now());
  });
  await Promise.all(told);
}

type Settlements = Map<string, { each: Finished; settlement: Settlement }>;

function settlementOf(engine: Engine, { run, outcome }: Finished, now: number): Settlement {
  const about = {
    job: run.job,
    type: run.contract.type,
    policy: run.contract.policy,
    started: run.started,
    ms: now - run.startedAt,
    progress: run.progress,
    doubt: run.unanswered.size > 0,
    urgent: run.urgent,
    now,
    random: engine.random,
  };
  return outcome instanceof RunEnded ? cancelledTransition(about) : transitionOf(about, outcome);
}

async function recorded(engine: Engine, transitions: Parameters<Engine["ledger"]["settle"]>[0], token: string, now: number): Promise<Settled[] | undefined> {
  if (transitions.length === 0) return [];
  try {
    return await insist(engine, "settle", () => engine.ledger.settle(transitions, token, now));
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "settle", reason: reasonOf(thrown) });
    return undefined;
  }
}

function announce(engine: Engine, each: Finished, { transition }: Settlement, row: Settled | undefined): void {
  const { tenant, id } = transition;
  if (!row) {
    engine.emit({ event: "trouble", where: "settle", reason: "another run took the job over; this one's outcome is dropped", tenant, id });
    return;
  }
  const outcome = each.outcome instanceof RunEnded ? each.outcome.why : each.outcome.kind;
  const { type, attempt, ms, reason } = transition;
  engine.emit({ event: "settled", tenant, id, type, attempt, outcome, state: row.state, ms, reason });
  if (row.state === "done" && !(each.outcome instanceof RunEnded) && each.outcome.kind === "done") afterwards(engine, each.outcome.after, tenant, id);
}

function afterwards(engine: Engine, after: (() => void) | undefined, tenant: string, id: string): void {
  try {
    after?.();
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "after", reason: reasonOf(thrown), tenant, id });
  }
}

async function sendCopies(engine: Engine, settlements: Settlements, settled: readonly Settled[]): Promise<void> {
  const copies = settled.flatMap((row) => {
    const entry = settlements.get(keyOf(row));
    if (!entry?.settlement.copy || isTerminal(row.state)) return [];
    const { due: _, ...envelope } = entry.each.envelope;
    return [{ envelope: { ...envelope, seq: row.seq }, delaySeconds: entry.settlement.copy.delaySeconds }];
  });
  const refused = await send(engine, copies);
  if (refused.length === 0) return;
  try {
    await engine.ledger.unsent(
      refused.map(({ envelope }) => envelope),
      engine.now(),
    );
  } catch (thrown) {
    // Their side rows are there already and bring them back ten minutes after they were due.
    engine.emit({ event: "trouble", where: "unsent", reason: reasonOf(thrown) });
  }
}
