import type { Engine } from "../engine";
import type { DecidedExecution, Execution } from "../execution";
import type { Settled } from "../ports/run-ledger";
import { redactedReason } from "../../masking/redact";
import { deliver } from "../send/deliver";
import { orTrouble } from "../or-trouble";
import { keyOf } from "../ref";
import { isTerminal } from "../state";
import { transitionOf, type Settlement } from "./transition";
import type { Envelope } from "../envelope";
import { withRetry } from "../with-retry";

/** Seconds until a message is delivered again whose outcome the ledger did not record. */
const unrecordedRetrySeconds = 60;

/** Records decided executions: record, then send copies, then acknowledge. Duplicates over loss. Never throws. */
export async function settleAll(engine: Engine, executions: readonly DecidedExecution[], token: string): Promise<void> {
  if (executions.length === 0) return;
  const now = engine.now();
  const settlements = executions.flatMap((execution) => {
    const settlement = settlementOfExecution(engine, execution, now);
    return settlement ? [{ execution, transition: settlement.transition, copy: settlement.copy }] : [];
  });
  const settled = await record(engine, settlements, token, now);
  if (!settled) {
    // The lease runs out and the job is run again, alone; effects recorded so far are not repeated.
    for (const execution of executions) execution.delivery.redeliver(engine, unrecordedRetrySeconds + Math.floor(engine.random() * 10));
    return;
  }
  for (const each of settlements) announceSettled(engine, each, settled.get(each.execution.delivery.key));
  await sendCopies(engine, settlements, settled);
  for (const execution of executions) {
    // A run that lost its job leaves the message to the table: a copy of it may be all that brings the job back if its present run is lost.
    if (settled.has(execution.delivery.key)) execution.delivery.ack();
    else execution.delivery.redeliver(engine, unrecordedRetrySeconds);
  }
}

type Settling = Settlement & { execution: DecidedExecution };

/** Nothing for a job that another run holds. */
function settlementOfExecution(engine: Engine, execution: DecidedExecution, now: number): Settlement | undefined {
  const { decision, job, delivery, input, run } = execution;
  if (decision.kind === "lost") return undefined;
  const { type, policy } = delivery.contract;
  const ms = run ? now - run.startedAt : 0;
  const doubt = run?.unanswered?.size ? Math.min(...run.unanswered.values()) : 0;
  const facts = {
    job,
    type,
    policy,
    started: run !== undefined,
    ms,
    progress: run?.progress,
    doubt,
    urgent: input?.urgent ?? false,
    now,
    random: engine.random,
  };
  return transitionOf(facts, decision);
}

async function record(engine: Engine, settlements: readonly Settling[], token: string, now: number): Promise<Map<string, Settled> | undefined> {
  if (settlements.length === 0) return new Map();
  const transitions = settlements.map(({ transition }) => transition);
  const rows = await orTrouble(engine, "settle", () => withRetry(engine, "settle", () => engine.ledger.settle(transitions, token, now)));
  return rows && new Map(rows.map((row) => [keyOf(row), row]));
}

function announceSettled(engine: Engine, { execution, transition }: Settling, row: Settled | undefined): void {
  const { tenant, id } = transition;
  const { decision } = execution;
  const { trace, parent } = execution.delivery.envelope;
  if (!row) {
    engine.emit({ event: "trouble", where: "settle", reason: "another run took the job over; this one's outcome is dropped", tenant, id, trace, parent });
    return;
  }
  const { type, attempt, ms, reason } = transition;
  engine.emit({
    event: "settled",
    tenant,
    id,
    type,
    attempt,
    outcome: decision.kind,
    state: row.state,
    ms,
    ran: transition.counted,
    waited: waitedOf(execution),
    reason,
    trace,
    parent,
  });
  if (row.state === "done" && decision.kind === "done" && decision.after) afterwards(engine, decision.after, execution.delivery.envelope);
}

/** From the time it could run until its first run. The due time of what the tick released is not known any more, unless it was held back since. */
function waitedOf({ job, run, delivery }: Execution): number | null {
  const { seq, due = 0 } = delivery.envelope;
  const isKnown = run && job.runs === 1 && (seq === 0 || job.reason !== null);
  return isKnown ? Math.max(0, run.startedAt - Math.max(job.at, due)) : null;
}

function afterwards(engine: Engine, after: () => void, { tenant, id, trace, parent }: Envelope): void {
  try {
    after();
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "after", reason: redactedReason(thrown), tenant, id, trace, parent });
  }
}

async function sendCopies(engine: Engine, settlements: readonly Settling[], settled: ReadonlyMap<string, Settled>): Promise<void> {
  const copies = settlements.flatMap(({ execution, copy }) => {
    const row = copy && settled.get(execution.delivery.key);
    if (!row || isTerminal(row.state)) return [];
    const { due: _, ...envelope } = execution.delivery.envelope;
    return [{ envelope: { ...envelope, seq: row.seq }, delaySeconds: copy.delaySeconds }];
  });
  if (copies.length > 0) await deliver(engine, copies);
}
