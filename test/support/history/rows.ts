import { isTerminal } from "../../../src/queue/state.ts";
import type { HistoryEvent, RunEnd, SeenRow } from "./events.ts";
import { type Job, jobOf, type Seen } from "./seen.ts";

/** Clocks of isolates differ by at most this much. Milliseconds. */
const clockTolerance = 5000;

type RowEvent = HistoryEvent & { is: "row" };

/** What is wrong with a change of a row: who made it, and from what to what. */
export function wrongInRow(event: RowEvent, seen: Seen): string[] {
  const { row, before, isolate } = event;
  const job = jobOf(seen, row);
  const wrong = before ? wrongInMove(event, before, job) : [];
  if (row.state === "running" && (before?.state !== "running" || before.lease !== row.lease)) wrong.push(...wrongInClaim(event, job, seen));
  else if (before && event.call === "settle") wrong.push(...wrongInSettling(event, before, seen));
  if (before && before.ended !== null && row.ended === null) Object.assign(job, { claims: row.runs, started: Math.min(job.started, row.runs) });
  if (row.seq !== before?.seq) job.raisedBy = isolate;
  job.row = row;
  return wrong.map((what) => `${row.id}: ${what}`);
}

function wrongInMove({ row }: RowEvent, before: SeenRow, job: Job): string[] {
  const wrong: string[] = [];
  if (row.seq < before.seq) wrong.push(`its generation went back from ${before.seq} to ${row.seq}`);
  if (before.state === "done" && row.state !== "done") wrong.push(`it was done and is ${row.state}`);
  // Whether the same key was sent again, by a caller that got no answer, is not seen here.
  if (before.ended !== null && row.ended === null && before.fp === null && !job.broughtBack) wrong.push("it had ended and came back unasked");
  return wrong;
}

function wrongInClaim({ row, before, isolate, at }: RowEvent, job: Job, seen: Seen): string[] {
  job.claims++;
  const wrong: string[] = [];
  const handed = seen.handed.get(`${isolate} ${row.id}`);
  const holder = seen.tokens.get(row.lease ?? "");
  if (before?.state === "running" && before.until - clockTolerance > at) wrong.push("it was claimed while another run held it");
  if (before && isTerminal(before.state)) wrong.push(`it was claimed after its end (${before.state})`);
  if (handed === undefined) wrong.push("it was claimed without a message");
  else if (before && handed < before.seq) wrong.push(`a stale message of generation ${handed} was run, the ledger had ${before.seq}`);
  if (holder !== undefined && holder !== isolate) wrong.push("two batches share a lease");
  else if (isolate !== null && row.lease !== null) seen.tokens.set(row.lease, isolate);
  return wrong;
}

function wrongInSettling({ row, isolate }: RowEvent, before: SeenRow, seen: Seen): string[] {
  if (before.state !== "running") return [`its outcome was recorded twice (${before.state}, then ${row.state})`];
  const wrong: string[] = [];
  if (seen.tokens.get(before.lease ?? "") !== isolate) wrong.push("it was settled by a run that no longer held it");
  if (row.seq > before.seq + 1) wrong.push(`its generation rose from ${before.seq} to ${row.seq} in one settling`);
  const expected = attemptAfter(seen.ends.get(`${isolate} ${row.id}`), before.attempt);
  if (expected !== undefined && row.state !== "cancelled" && row.attempt !== expected) wrong.push(`its attempt is ${row.attempt}, not ${expected}`);
  seen.recorded.set(`${isolate} ${row.id}`, row.state);
  return wrong;
}

/** Failures since the last progress: waiting is none, and yielding is progress. Undefined where the engine decides. */
function attemptAfter(end: RunEnd | undefined, attempt: number): number | undefined {
  if (end === "revoked") return undefined;
  if (end === "again") return 0;
  return end === "retry" || end === "discard" ? attempt + 1 : attempt;
}
