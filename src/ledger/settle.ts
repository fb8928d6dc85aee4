import type { Settled, Transition } from "../queue/ports/run-ledger";
import { batch, lists, rowsOf, statement } from "../d1";
import { failureKind } from "./failure-kind";
import { failureStatements } from "./failures";
import { dropDue, dropParked } from "./side";
import { addHistory, foldHistory } from "./timeline";

/** Jobs that are done, with nothing else to record. ?2 token, ?3 now. Each row answers: `meta.changes` counts the rows of triggers too. */
const settleDone = `
  UPDATE jobs SET state = 'done', until = 0, crash = 0, due = NULL, sent = NULL, wake = NULL, gate = NULL, reason = NULL, provider_message = NULL, ended = ?3
  FROM (SELECT value->>0 AS tenant, value->>1 AS id FROM json_each(?1)) s
  WHERE jobs.tenant = s.tenant AND jobs.id = s.id AND jobs.lease = ?2 AND jobs.state IN ('running', 'done')
  RETURNING 1 AS n`;

/** The jobs that are done under this token; read when fewer rows changed than were sent. */
const doneOf = `
  SELECT j.tenant, j.id, j.state, j.seq FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.lease = ?2 AND j.state = 'done'`;

/** The same settlement, repeated because its first answer was lost: the row has its outcome already. */
const answerLost = `
  (jobs.state = s.state AND jobs.until = 0 AND jobs.attempt = s.attempt AND jobs.sent IS s.sent AND jobs.wake IS s.wake AND jobs.gate IS s.gate)`;

/** Any outcome. A job with a cancel flag is cancelled, unless it is done. */
const settleAny = `
  UPDATE jobs SET
    state = iif(jobs.cancel = 1 AND s.state <> 'done', 'cancelled', s.state),
    seq = jobs.seq + iif(jobs.state = 'running', s.bump, 0), attempt = s.attempt, due = s.due, sent = s.sent, wake = s.wake, gate = s.gate, reason = s.reason,
    provider_message = s.provider_message,
    cursor = iif(s.keep, jobs.cursor, s.cursor), result = s.result, progress = coalesce(s.progress, jobs.progress),
    runs = jobs.runs - iif(jobs.state = 'running', s.uncounted, 0),
    started = iif(s.uncounted AND jobs.state = 'running' AND jobs.runs <= 1, NULL, jobs.started), ended = iif(jobs.cancel = 1, ?3, s.ended), settled = s.settled, until = 0, crash = 0, sweeps = 0, doubt = iif(jobs.doubt > 0, jobs.doubt, s.doubt)
  FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS state, value->>3 AS bump, value->>4 AS attempt, value->>5 AS due,
      value->>6 AS sent, value->>7 AS wake, value->>8 AS gate, value->>9 AS reason, value->>10 AS keep, value->>11 AS cursor,
      value->>12 AS result, value->>13 AS progress, value->>14 AS ended, value->>15 AS uncounted, value->>16 AS doubt, value->>17 AS provider_message, value->>18 AS settled FROM json_each(?1)) s
  WHERE jobs.tenant = s.tenant AND jobs.id = s.id AND jobs.lease = ?2 AND (jobs.state = 'running' OR ${answerLost})
  RETURNING jobs.tenant, jobs.id, jobs.state, jobs.seq`;

/** Side rows are written only for jobs whose row still carries the token. */
const ours = (columns: string) => `FROM (SELECT ${columns} FROM json_each(?1)) s JOIN jobs j ON j.tenant = s.tenant AND j.id = s.id WHERE j.lease = ?2`;

const addDue = `
  INSERT INTO due (tenant, at, id) SELECT j.tenant, j.wake, j.id
  ${ours("value->>0 AS tenant, value->>1 AS id")} AND j.wake IS NOT NULL AND j.gate IS NULL AND j.ended IS NULL ON CONFLICT DO NOTHING`;

const addParked = `
  INSERT INTO parked (tenant, gate, at, id) SELECT j.tenant, j.gate, j.wake, j.id
  ${ours("value->>0 AS tenant, value->>1 AS id")} AND j.gate IS NOT NULL AND j.ended IS NULL ON CONFLICT DO NOTHING`;

const addGates = `
  INSERT INTO parked_gates (tenant, gate) SELECT j.tenant, j.gate
  ${ours("value->>0 AS tenant, value->>1 AS id")} AND j.gate IS NOT NULL AND j.ended IS NULL ON CONFLICT DO NOTHING`;

const addDeadLetters = `
  INSERT INTO dead_letters (tenant, died, id, type, state, site, reason, kind, attempt, at)
  SELECT j.tenant, j.ended, j.id, j.type, j.state, j.site, coalesce(j.reason, ''), s.kind, j.attempt, j.at
  ${ours("value->>0 AS tenant, value->>1 AS id, value->>2 AS kind")} AND j.state IN ('dead', 'discarded') ON CONFLICT DO NOTHING`;

/** Records transitions in one transaction; returns those of jobs whose rows still carry the token. */
export async function settle(db: D1Database, transitions: readonly Transition[], token: string, now: number): Promise<Settled[]> {
  const plain = transitions.filter(isPlainDone);
  const plainLists = lists(plain.map(ref));
  const others = lists(transitions.filter((each) => !isPlainDone(each)).map(columns));
  const failed = transitions.filter(({ state }) => state === "retrying" || state === "dead" || state === "discarded");
  const first = await failureStatements(db, failed, now, token);
  const all = await batch(db, [
    ...first,
    ...plainLists.map((list) => statement(db, settleDone, list, token, now)),
    ...others.map((list) => statement(db, settleAny, list, token, now)),
    ...(await sideStatements(db, transitions, token, now)),
  ]);
  const results = all.slice(first.length);
  const changed = plainLists.flatMap((_, index) => rowsOf(results, index)).length;
  const done = changed === plain.length ? plain : await rowsThatAreDone(db, plainLists, token);
  return [...done, ...others.flatMap((_, index) => rowsOf<Settled>(results, plainLists.length + index))];
}

/** Reads which rows were changed: the count shows only how many. */
async function rowsThatAreDone(db: D1Database, quietLists: readonly string[], token: string): Promise<Settled[]> {
  const results = await batch(
    db,
    quietLists.map((list) => statement(db, doneOf, list, token)),
  );
  return quietLists.flatMap((_, index) => rowsOf<Settled>(results, index));
}

async function sideStatements(db: D1Database, all: readonly Transition[], token: string, now: number): Promise<D1PreparedStatement[]> {
  const fenced = (sql: string, items: readonly unknown[]) => lists(items).map((list) => statement(db, sql, list, token));
  const dead = all.filter(({ state }) => state === "dead" || state === "discarded");
  const held = all.filter(({ wake, gate }) => wake !== null && gate === null);
  const parked = all.filter(({ gate }) => gate !== null);
  const withEvent = all.filter(({ event }) => event !== null);
  const entries = (some: readonly Transition[]) =>
    some.map(({ tenant, id, event, reason, counted, ms, folds }) => [tenant, id, now, event, reason, counted ? ms : null, folds ? 1 : 0]);
  const kinds = await Promise.all(dead.map(({ type, reason }) => failureKind(type, reason ?? "")));
  return [
    ...lists(all.flatMap(({ tenant, id, was }) => (was.wake !== null && was.gate === null ? [[tenant, was.wake, id]] : []))).map((list) =>
      statement(db, dropDue, list),
    ),
    ...lists(all.flatMap(({ tenant, id, was }) => (was.gate !== null ? [[tenant, was.gate, was.wake, id]] : []))).map((list) =>
      statement(db, dropParked, list),
    ),
    ...fenced(addDue, held.map(ref)),
    ...fenced(addParked, parked.map(ref)),
    ...fenced(addGates, parked.map(ref)),
    ...fenced(foldHistory, entries(withEvent.filter(({ folds }) => folds))),
    ...fenced(addHistory, entries(withEvent)),
    ...fenced(
      addDeadLetters,
      dead.map(({ tenant, id }, index) => [tenant, id, kinds[index]]),
    ),
  ];
}

/** Done on the first try, without result, progress or timeline entry. */
function isPlainDone(each: Transition): boolean {
  const hasDetails = each.settled !== undefined || each.result !== null || each.progress !== undefined || each.event !== null || each.attempt > 0;
  return each.state === "done" && !hasDetails;
}

function ref({ tenant, id }: Transition): [string, string] {
  return [tenant, id];
}

function columns(each: Transition): unknown[] {
  const { tenant, id, state, bump, attempt, due, sent, wake, gate, reason, cursor, result, progress, ended } = each;
  return [
    tenant,
    id,
    state,
    bump,
    attempt,
    due,
    sent,
    wake,
    gate,
    reason,
    cursor === undefined ? 1 : 0,
    cursor ?? null,
    result,
    progress ?? null,
    ended,
    each.counted ? 0 : 1,
    each.doubt,
    each.providerMessage ?? null,
    each.settled ?? null,
  ];
}
