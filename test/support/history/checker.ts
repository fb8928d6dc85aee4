import { isTerminal } from "../../../src/queue/state.ts";
import type { HistoryEvent, SeenRow } from "./events.ts";
import { createSeen, type Job, jobOf, type Seen } from "./seen.ts";
import { wrongInRow } from "./rows.ts";

/**
 * Holds a history against what must always hold: no accepted job is lost, no effect happens twice, every job ends, one live chain of messages
 * per job, acknowledged only after it was recorded, no run of a stale message, tenants apart, counts true. It uses messages, rows and calls,
 * and nothing of the engine. Each event is taken once, in its order; what is wrong is a sentence that begins with the job's id.
 */
export function createChecker(): { take(event: HistoryEvent): string[] } {
  const seen = createSeen();
  return { take: (event) => wrongIn(event, seen) };
}

/** What is wrong in a whole history. */
export function brokenIn(events: readonly HistoryEvent[]): string[] {
  const checker = createChecker();
  return events.flatMap((event) => checker.take(event));
}

function wrongIn(event: HistoryEvent, seen: Seen): string[] {
  switch (event.is) {
    case "accepted":
      jobOf(seen, event).accepted = true;
      return foreign(seen, event, "was accepted");
    case "brought-back":
      jobOf(seen, event).broughtBack = true;
      return [];
    case "sent":
      return [...foreign(seen, event, "was sent"), ...wrongInSending(event, seen)];
    case "refused":
      seen.refused.add(`${event.id} ${event.seq}`);
      return [];
    case "delivered":
      seen.messages.set(event.message, { isolate: event.isolate, jobs: event.jobs });
      for (const { id, seq } of event.jobs) hand(seen, `${event.isolate} ${id}`, seq, event.queue);
      return [];
    case "acked":
      return wrongInAck(event, seen);
    case "row":
      return [...foreign(seen, event.row, "was recorded"), ...wrongInRow(event, seen)];
    case "found":
      Object.assign(jobOf(seen, event.row), { row: event.row, claims: event.row.runs });
      return foreign(seen, event.row, "was recorded");
    case "gone":
      jobOf(seen, event).row = undefined;
      return [`${event.id}: its row is gone`];
    case "started":
      return [...foreign(seen, event, "was run"), ...wrongInStart(event, seen)];
    case "ended":
      seen.running = seen.running.filter(({ id, isolate }) => id !== event.id || isolate !== event.isolate);
      seen.ends.set(`${event.isolate} ${event.id}`, event.end);
      return [];
    case "called":
      return [...foreign(seen, event, "called a provider"), ...wrongInCall(event, seen)];
    case "announced":
      return wrongInAnnouncement(event, seen);
    case "died":
      seen.dead.add(event.isolate);
      return [];
    case "rest":
      return [...seen.jobs].flatMap(([id, job]) => wrongAtRest(id, job));
  }
}

function hand(seen: Seen, name: string, seq: number, queue: string): void {
  seen.handed.set(name, Math.max(seq, seen.handed.get(name) ?? 0));
  seen.handedFrom.set(name, (seen.handedFrom.get(name) ?? new Map<number, string>()).set(seq, queue));
}

/** An id belongs to the tenant it was first seen with. */
function foreign(seen: Seen, { tenant, id }: { tenant: string; id: string }, what: string): string[] {
  const job = jobOf(seen, { tenant, id });
  return job.tenant === tenant ? [] : [`${id}: a job of tenant ${job.tenant} ${what} for tenant ${tenant}`];
}

function wrongInSending({ id, seq, queue, isolate }: HistoryEvent & { is: "sent" | "refused" }, seen: Seen): string[] {
  const from = seen.handedFrom.get(`${isolate} ${id}`)?.get(seq);
  if (from !== undefined) return wrongInForwarding({ id, seq, queue, isolate, from }, seen);
  const wrong: string[] = [];
  const name = `${queue} ${id} ${seq}`;
  // Only a keyed job may be called for twice before it ran: it is unknown whether the first call's message was sent.
  if (seq > 0 && seen.sent.has(name)) wrong.push(`${id}: its generation ${seq} was sent twice, so it has two chains of messages`);
  if (seq > (seen.jobs.get(id)?.row?.seq ?? 0)) wrong.push(`${id}: its generation ${seq} was sent before it was recorded`);
  seen.sent.add(name);
  seen.sentBy.add(`${isolate} ${id} ${seq}`);
  seen.generations.add(`${id} ${seq}`);
  return wrong;
}

/** What an isolate was handed it may send on once, to another queue: the message it got is the copy of the same generation. */
function wrongInForwarding({ id, seq, queue, isolate, from }: { id: string; seq: number; queue: string; isolate: number; from: string }, seen: Seen): string[] {
  const name = `${isolate} ${id} ${seq}`;
  const wrong = seen.sentBy.has(name) ? [`${id}: its generation ${seq} was sent on twice by one batch`] : [];
  seen.sentBy.add(name);
  seen.forwarded.add(`${isolate} ${id}`);
  return queue === from ? [...wrong, `${id}: its generation ${seq} was sent to the queue ${queue} again, from where it came`] : wrong;
}

/** Acknowledged is what ended, what a newer generation has replaced, and what went on to another queue. */
function wrongInAck({ message, isolate }: HistoryEvent & { is: "acked" }, seen: Seen): string[] {
  return (seen.messages.get(message)?.jobs ?? []).flatMap(({ id, seq, fp }) => {
    if (seen.sentBy.has(`${isolate} ${id} ${seq}`)) return [];
    const job = seen.jobs.get(id);
    const row = job?.row;
    if (!job || !row) return [`${id}: acknowledged, and the ledger has no row of it`];
    if (row.fp !== fp && fp !== null) return isBuried(seen, fp) ? [] : [`${id}: acknowledged, and its other payload is in no dead letter`];
    if (isTerminal(row.state)) return [];
    if (row.seq <= seq) return [`${id}: acknowledged before its outcome was recorded (${row.state}, generation ${row.seq})`];
    const name = `${id} ${row.seq}`;
    const isMissing = job.raisedBy === isolate && row.sent !== null && !seen.generations.has(name) && !seen.refused.has(name);
    return isMissing ? [`${id}: acknowledged, and the copy that its row speaks of (generation ${row.seq}) was never sent`] : [];
  });
}

function isBuried(seen: Seen, fp: string): boolean {
  return [...seen.jobs.values()].some(({ row }) => row?.fp === fp && row.state === "discarded");
}

function wrongInStart({ tenant, id, isolate, gates, at }: HistoryEvent & { is: "started" }, seen: Seen): string[] {
  const job = jobOf(seen, { tenant, id });
  job.started++;
  const { row } = job;
  const wrong: string[] = [];
  if (row?.state !== "running" || seen.tokens.get(row.lease ?? "") !== isolate) wrong.push(`${id}: run without holding its lease (${row?.state})`);
  if (seen.forwarded.has(`${isolate} ${id}`)) wrong.push(`${id}: run by the batch that sent it on to another queue`);
  seen.running.push({ id, tenant, isolate, gates: gates.map(({ name }) => name), until: row?.until ?? 0 });
  for (const { name, limit } of gates) {
    const inside = seen.running.filter((run) => run.tenant === tenant && run.until > at && !seen.dead.has(run.isolate) && run.gates.includes(name));
    if (inside.length > limit) wrong.push(`${id}: ${inside.length} runs are past gate ${name}, whose limit is ${limit}`);
  }
  return wrong;
}

function wrongInCall({ tenant, id, effect, key, remembers }: HistoryEvent & { is: "called" }, seen: Seen): string[] {
  const { keys } = jobOf(seen, { tenant, id });
  const before = keys.get(effect);
  keys.set(effect, key);
  if (before === undefined) return [];
  if (before !== key) return [`${id}: its effect "${effect}" reached the provider under two keys, ${before} and ${key}`];
  return remembers ? [] : [`${id}: its effect "${effect}" reached twice a provider that does not know its key`];
}

function wrongInAnnouncement({ id, state, isolate }: HistoryEvent & { is: "announced" }, seen: Seen): string[] {
  const recorded = seen.recorded.get(`${isolate} ${id}`);
  return recorded === state ? [] : [`${id}: announced as ${state}, and its run recorded ${recorded ?? "nothing"}`];
}

function wrongAtRest(id: string, { accepted, row, started, claims }: Job): string[] {
  if (!row) return accepted ? [`${id}: accepted and lost`] : [];
  if (!isTerminal(row.state)) return [`${id}: never ends, it is ${row.state}`];
  return countsOf(row, started, claims).map((what) => `${id}: ${what}`);
}

/** A run may be claimed and never started; it may not be started without being counted. */
function countsOf({ runs }: SeenRow, started: number, claims: number): string[] {
  if (runs < started) return [`${runs} runs are counted and ${started} were started`];
  return runs > claims ? [`${runs} runs are counted and it was claimed ${claims} times`] : [];
}
