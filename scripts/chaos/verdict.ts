import { brokenIn } from "../../test/support/history/checker.ts";
import type { HistoryEvent } from "../../test/support/history/events.ts";
import { isTerminal } from "../../src/queue/state.ts";
import type { Span } from "./break.ts";
import type { Campaign } from "./campaigns.ts";
import type { Rest } from "./heal.ts";
import type { Ledger, Row } from "./ledger.ts";
import type { Act, Observed } from "./observed.ts";
import { mark } from "./posts.ts";
import { losesAnswers, type Schedule } from "./schedule.ts";
import type { PostedJob, Sending } from "./sender.ts";
import { mailConcurrency } from "./tenants.ts";

/** All that is known of a run when it is over. */
export interface Evidence {
  schedule: Schedule;
  sending: Sending;
  observed: Observed;
  /** When each fault happened. */
  spans: readonly Span[];
  /** Acts of the remote worker by job. */
  remote: ReadonlyMap<string, number>;
  ledger: Ledger;
  campaigns: Campaign[];
  /** Where a shop's rows differ from ours after a last sync. */
  differences: string[];
  /** Slots of gates that are taken at the end. */
  taken: string[];
  /** Jobs that a foreign token could see. */
  foreign: string[];
  /** Counted as done by the minute counters, by tenant and type. */
  counted: ReadonlyMap<string, number>;
  rest: Rest;
}

export interface Verdict {
  /** What must not happen and did. */
  wrong: string[];
  /** Sent again by what is sent at least once, and explained by a fault at that moment. */
  doubts: string[];
}

/** Holds a run against what must always hold (section 5 of the design; docs/guarantees.md). */
export function verdictOf(evidence: Evidence): Verdict {
  const doubts: string[] = [];
  const wrong = [
    ...evidence.sending.wrong,
    ...brokenIn(historyOf(evidence)),
    ...evidence.sending.posted.flatMap((job) => wrongInJob(job, evidence)),
    ...wrongInMails(evidence),
    ...wrongInHooks(evidence, doubts),
    ...wrongInChildren(evidence),
    ...wrongInLedger(evidence),
    ...wrongInCounts(evidence),
    ...evidence.campaigns.flatMap((campaign) => wrongInCampaign(campaign, evidence)),
    ...evidence.observed.mixed,
    ...evidence.foreign,
    ...evidence.differences,
    ...evidence.taken,
  ];
  return { wrong: [...new Set(wrong)], doubts };
}

/** The events of a run for the checker of histories, as far as they show from outside. */
function* generate({ sending, observed, ledger }: Evidence): Generator<HistoryEvent> {
  for (const { fate, id, tenant } of sending.posted) if (fate === "accepted" && id !== null) yield { is: "accepted", tenant, id };
  for (const row of ledger.rows.values()) yield { is: "found", row };
  for (const { provider, key } of observed.acts) {
    // Keys are the job's id, the effect's key and its revision.
    const [, id, effect] = /^([^:]+):(.+):\d+$/.exec(key ?? "") ?? [];
    const row = ledger.rows.get(id ?? "");
    if (provider === "mail" && row && effect !== undefined && key !== null)
      yield { is: "called", tenant: row.tenant, id: row.id, effect, key, remembers: true };
  }
  yield { is: "rest" };
}

function historyOf(evidence: Evidence): HistoryEvent[] {
  return [...generate(evidence)];
}

/** What one job owes the outside world. */
function wrongInJob(job: PostedJob, evidence: Evidence): string[] {
  const { post, n, tenant, id } = job;
  const { ledger } = evidence;
  const name = mark(n, tenant);
  const row = ledger.rows.get(id ?? "");
  const isDone = row?.state === "done";
  const times = timesOf(job, evidence);
  const sentence = (what: string) => [`${id ?? "a job without an answer"} (${post.kind}, ${name}, ${row?.state ?? job.fate}): ${what}`];
  switch (post.kind) {
    case "email":
    case "emails":
    case "delayed":
    case "slack":
    case "remote-demo":
      if (times > 1) return sentence(`its effect happened ${times} times`);
      if (isDone && times === 0) return sentence("it is done, and its effect never happened");
      return job.fate === "refused" && times > 0 ? sentence("it was refused, and its effect happened") : [];
    case "crm":
      return isDone && times === 0 ? sentence("it is done, and the CRM has no such contact") : [];
    case "analytics":
      return id !== null && isDone !== ledger.analytics.has(`${id}`) ? sentence("its row and its event disagree") : [];
    case "lead":
      return id !== null && isDone && ledger.submissions.get(id) !== 1 ? sentence(`it is stored ${ledger.submissions.get(id) ?? 0} times`) : [];
    case "image": {
      const made = ledger.media.find((each) => each.tenant === tenant && each.key === `p${n}.jpg`);
      if (job.fate !== "accepted") return [];
      return made && made.variants === 2 && made.altText !== null
        ? []
        : sentence(
            `accepted, and it has ${made?.variants ?? 0} variants and ${made?.altText ? "a" : "no"} text; its jobs: ${jobsOfPicture(tenant, `p${n}.jpg`, ledger)}`,
          );
    }
    default:
      return [];
  }
}

function jobsOfPicture(tenant: string, key: string, { rows }: Ledger): string {
  const own = [...rows.values()].filter((row) => row.tenant === tenant && row.key === key);
  return own.map(({ id, state, runs, result, reason }) => `${id} ${state} after ${runs} runs: ${result ?? reason}`).join("; ") || "none";
}

function timesOf({ post, n, tenant, id }: PostedJob, { observed, remote }: Evidence): number {
  const name = mark(n, tenant);
  if (post.kind === "remote-demo") return remote.get(id ?? "") ?? 0;
  if (post.kind === "slack" || post.kind === "crm") return actsOf(observed).get(`${post.kind} ${name}`)?.length ?? 0;
  return observed.mails.get(name) ?? 0;
}

const indexes = new WeakMap<Observed, Map<string, Act[]>>();

/** Acts by provider and mark. */
function actsOf(observed: Observed): Map<string, Act[]> {
  const known = indexes.get(observed);
  if (known) return known;
  const made = Map.groupBy(observed.acts, ({ provider, body }) => `${provider} ${/m\d+@t\d+\.example/.exec(body)?.[0] ?? ""}`);
  indexes.set(observed, made);
  return made;
}

/** Each address gets one mail, and only addresses that a job names get one. */
function wrongInMails({ observed, sending, campaigns }: Evidence): string[] {
  const written = new Set(sending.posted.map(({ n, tenant }) => mark(n, tenant)));
  for (const { recipients } of campaigns) for (const recipient of recipients) written.add(recipient);
  return [...observed.mails].flatMap(([address, times]) => [
    ...(times > 1 ? [`${address} got ${times} mails`] : []),
    ...(written.has(address) ? [] : [`${address} got a mail, and was never written to`]),
  ]);
}

/** A call may have been under way for so long before it is seen, and its end is recorded within so long after it, tries included. Milliseconds. */
const [leadMs, recordMs] = [2000, 10_000];

/** Whether what came of this call may not have been recorded: its answer was lost, or a fault that loses answers happened between it and its record. */
function isUnrecorded({ unheard, from, to }: Act, spans: readonly Span[]): boolean {
  return unheard || spans.some((span) => losesAnswers(span.fault) && span.from <= to + recordMs && span.to >= from - leadMs);
}

/** At least once, under one webhook-id: a repeat needs a lost answer that explains it. */
function wrongInHooks({ observed, ledger, spans }: Evidence, doubts: string[]): string[] {
  const wrong: string[] = [];
  const hooks = Map.groupBy(
    observed.acts.filter(({ provider }) => provider === "make"),
    ({ path, key }) => `${path} ${key}`,
  );
  for (const [name, acts] of hooks) {
    if (acts.length < 2) continue;
    const isExplained =
      ledger.givenUp.has(acts[0]?.key ?? "") ||
      acts
        .toSorted((one, other) => one.to - other.to)
        .slice(0, -1)
        .every((act) => isUnrecorded(act, spans));
    (isExplained ? doubts : wrong).push(`make${name} was delivered ${acts.length} times`);
    if (new Set(acts.map(({ body }) => body)).size > 1) wrong.push(`make${name} was delivered with different bodies`);
  }
  const done = [...ledger.rows.values()].filter(({ type, state }) => type === "webhook" && state === "done");
  if (done.length > hooks.size) wrong.push(`${done.length} webhooks are done, and ${hooks.size} were delivered`);
  const posts = observed.acts.filter(({ provider }) => provider === "slack").length;
  const slack = [...ledger.rows.values()].filter(({ type }) => type === "slack");
  const doneMessages = slack.filter(({ state }) => state === "done").length;
  if (posts > slack.length) wrong.push(`${slack.length} jobs posted ${posts} messages to Slack`);
  if (doneMessages > posts) wrong.push(`${doneMessages} messages to Slack are done, and ${posts} were posted`);
  return wrong;
}

/** An event that is done has a job for each of its destinations. */
function wrongInChildren({ ledger }: Evidence): string[] {
  const children = Map.groupBy(ledger.rows.values(), ({ parent }) => parent);
  return [...ledger.rows.values()].flatMap(({ id, type, state, tenant }) => {
    const own = children.get(id) ?? [];
    const strange = own.filter((child) => child.tenant !== tenant).map((child) => `${id}: its child ${child.id} is another tenant's`);
    const twice = Map.groupBy(own, (child) => child.type);
    const repeated =
      type === "event" ? [...twice].filter(([, all]) => all.length > 1).map(([child, all]) => `${id}: an event made ${all.length} jobs of type ${child}`) : [];
    const missing = type === "event" && state === "done" && own.length === 0 ? [`${id}: an event is done and made no job`] : [];
    return [...strange, ...repeated, ...missing];
  });
}

function wrongInLedger({ ledger, rest, observed }: Evidence): string[] {
  const wrong = ledger.dangling.map((side) => `${side}, which has ended, is left`);
  for (const { id, state, ended } of ledger.rows.values()) {
    const expected = state === "dead" || state === "discarded" ? 1 : 0;
    const letters = ledger.letters.get(id) ?? 0;
    if (letters !== expected) wrong.push(`${id} is ${state} and has ${letters} dead letters`);
    if ((ended !== null) !== isTerminal(state)) wrong.push(`${id} is ${state}, and its end is ${ended}`);
  }
  for (const { type, state, reason, n } of rest.open) wrong.push(`${n} jobs of type ${type} never end: ${state}, ${reason}`);
  for (const [tenant, most] of observed.mostAtOnce)
    if (most > mailConcurrency) wrong.push(`${most} calls of ${tenant} were with the mail API at once, past a gate of ${mailConcurrency}`);
  return wrong;
}

/** Jobs that are done, by tenant and type. */
export function doneOf(rows: Iterable<Row>): Map<string, Row[]> {
  const done = [...rows].filter(({ state }) => state === "done");
  return Map.groupBy(done, ({ tenant, type }) => `${tenant} ${type}`);
}

/** Never more than happened; less only where an isolate ended with two seconds of counts, or D1 did not take them. */
function wrongInCounts({ counted, ledger, schedule }: Evidence): string[] {
  return [...doneOf(ledger.rows.values())].flatMap(([name, rows]) => {
    const n = counted.get(name) ?? 0;
    if (n > rows.length) return [`${name}: ${n} are counted as done, and ${rows.length} are`];
    return n < rows.length && !schedule.faults.some(losesAnswers) ? [`${name}: ${rows.length} are done, and ${n} are counted`] : [];
  });
}

function wrongInCampaign({ id, tenant, recipients, view }: Campaign, { observed }: Evidence): string[] {
  const sentence = (what: string) => `campaign ${id} of ${tenant}: ${what}`;
  if (view.state !== "done") return [sentence(`it is ${view.state}`)];
  const got = recipients.filter((address) => (observed.mails.get(address) ?? 0) > 0).length;
  const { total, queued, sent, failed, suppressed } = view;
  return [
    ...(total === recipients.length ? [] : [sentence(`its total is ${total}, and it has ${recipients.length} recipients`)]),
    ...(queued === 0 && sent + failed + suppressed === total
      ? []
      : [sentence(`queued ${queued}, sent ${sent}, failed ${failed}, suppressed ${suppressed} of ${total}`)]),
    ...(sent <= got && got <= sent + failed ? [] : [sentence(`${sent} are counted as sent and ${failed} as failed, and ${got} got it`)]),
  ];
}
