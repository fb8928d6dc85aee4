import { type Alert, type AlertFailure, installation, nextAlert, type Notice } from "./model";
import { alertsOf, newDeadLetters } from "./queries";
import { settledGroups } from "../failures/queries";
import { heartbeatStep } from "../installation/model";
import { causeOf } from "./rule";
import { saveAlerts } from "./store";
import { minuteMs } from "../../time/day";

export interface WatchDeps {
  db: D1Database;
  /** How far the last look came, milliseconds; empty before the first. */
  mark: { read(): Promise<string>; write(position: string): Promise<void> };
  /** How each step of the newest tick ended. */
  steps(): Promise<readonly { step: string; outcome: string; at: number; detail: string | null }[]>;
  /** Findings that need a person now; passed in each tick as long as they do. */
  findings?(now: number): Promise<readonly AlertFailure[]>;
  /** Sends one message with all notices of an owner; the channels that took it, none when there is none. Null: not now, try again. Never throws. */
  send(tenant: string, notices: readonly Notice[], now: number): Promise<readonly string[] | null>;
}

/** A dead letter may be recorded this long after it died. Milliseconds. */
const overlapMs = 60_000;
/** A step that failed longer ago is no finding. Milliseconds. */
const maxStepAgeMs = 5 * minuteMs;
/** New alerts of one owner in one tick, and owners that are sent something. The next tick finds the rest, if it still fails. */
const [maxNew, maxOwners] = [50, 25];

/**
 * The tick's step: new groups of dead letters and failing steps become alerts, and what is due is sent, one message for each owner.
 * Sent before it is remembered: a crash between the two sends a notice twice and loses none.
 */
export async function watch({ db, mark, steps, findings, send }: WatchDeps, now: number): Promise<{ open: number; sent: number; refused: number }> {
  const from = Number((await mark.read()) || now);
  const found = [...(await newDeadLetters(db, from - overlapMs, now + overlapMs)), ...failedSteps(await steps(), now), ...((await findings?.(now)) ?? [])];
  const known = new Map((await alertsOf(db, found)).map((alert) => [causeKey(alert), alert]));
  const failures = firstByCause(withinLimit(byWorstSeverity(found, [...known.values()]), known));
  const judged = await withoutFalseRecovery(db, judgedBy(known, failures, outgrownBy(failures.values(), [...known.values()]), now));
  const due = judged.flatMap(({ alert, notice }) => (notice ? [{ kind: notice, alert }] : []));
  const groups = [...Map.groupBy(due, ({ alert }) => alert.tenant)].slice(0, maxOwners);
  const sentBy = new Map<Alert, readonly string[]>();
  let refused = 0;
  for (const [tenant, notices] of groups) {
    const via = await send(tenant, notices, now);
    if (!via) refused++;
    else for (const { alert } of notices) sentBy.set(alert, via);
  }
  const sent = (alert: Alert) => (sentBy.has(alert) ? { ...alert, toldAt: now, via: sentBy.get(alert) ?? [] } : alert);
  await saveAlerts(
    db,
    judged.map(({ alert }) => sent(alert)).filter((alert) => !isSame(alert, known.get(causeKey(alert)))),
  );
  await mark.write(String(now));
  return { open: judged.filter(({ alert }) => alert.state === "open").length, sent: groups.length - refused, refused };
}

type Judged = NonNullable<ReturnType<typeof nextAlert>>;

/**
 * What an operator has set aside left the report and did not recover: it ends without a notice. So do the failures of a campaign, which end when they
 * are acknowledged or a day after the campaign.
 */
async function withoutFalseRecovery(db: D1Database, judged: readonly Judged[]): Promise<Judged[]> {
  const ending = judged.flatMap(({ alert, notice }) => {
    const { code, subject } = causeOf(alert.cause);
    return notice === "recovered" ? [{ alert, code, tenant: alert.tenant, group: subject.replace(/^group\//, "") }] : [];
  });
  const settled = await settledGroups(
    db,
    ending.filter(({ code }) => code === "retrying"),
  );
  const quiet = new Set([...settled, ...ending.filter(({ code }) => code === "campaign-failed")].map(({ alert }) => alert));
  return judged.map((each) => (quiet.has(each.alert) ? { ...each, notice: null } : each));
}

/** What becomes of each alert that is known or new. */
function judgedBy(known: ReadonlyMap<string, Alert>, found: ReadonlyMap<string, AlertFailure>, outgrown: readonly Alert[], now: number) {
  return [...new Set([...known.keys(), ...found.keys()])].flatMap((key): Judged[] => {
    const last = known.get(key);
    if (last && outgrown.includes(last)) return [{ alert: { ...last, state: "recovered", recoveredAt: now }, notice: null }];
    const next = nextAlert(last, isNews(last, found.get(key)) ? found.get(key) : undefined, now);
    return next ? [next] : [];
  });
}

/** The first finding of each cause: of two reasons of one type's failures it is that of the most jobs. */
function firstByCause(failures: readonly AlertFailure[]): Map<string, AlertFailure> {
  return new Map([...Map.groupBy(failures, causeKey)].flatMap(([key, [first]]) => (first ? [[key, first] as const] : [])));
}

function failedSteps(steps: Awaited<ReturnType<WatchDeps["steps"]>>, now: number): AlertFailure[] {
  return steps
    .filter(({ step, outcome, at }) => step !== heartbeatStep && outcome === "failed" && now - at <= maxStepAgeMs)
    .map(({ step, at, detail }) => ({ tenant: installation, cause: `tick/${step}`, subject: step, reason: detail ?? "", count: 1, firstAt: at, lastAt: at }));
}

/** A step's failure stands in the table until the step runs again. */
function isNews(known: Alert | undefined, found: AlertFailure | undefined): boolean {
  return found !== undefined && (known === undefined || found.lastAt > known.lastAt);
}

function withinLimit(failures: readonly AlertFailure[], known: ReadonlyMap<string, Alert>): AlertFailure[] {
  const fresh = new Map<string, number>();
  return failures.filter((failure) => {
    if (known.has(causeKey(failure))) return true;
    const count = (fresh.get(failure.tenant) ?? 0) + 1;
    fresh.set(failure.tenant, count);
    return count <= maxNew;
  });
}

function isSame(alert: Alert, before: Alert | undefined): boolean {
  return before !== undefined && JSON.stringify(alert) === JSON.stringify(before);
}

const [warning, critical] = ["finding/warning/", "finding/critical/"];

/** A finding whose severity changes stays one alert, of the worst severity that it has had: each failure names that alert. */
function byWorstSeverity(found: readonly AlertFailure[], known: readonly Alert[]): AlertFailure[] {
  const open = openByCause(known);
  return found.map((failure) => {
    const cause = failure.cause.replace(warning, critical);
    return open.has(causeKey({ ...failure, cause })) ? { ...failure, cause } : failure;
  });
}

/** The open warnings whose finding is critical now. They end without a notice: nothing has recovered. */
function outgrownBy(failures: Iterable<AlertFailure>, known: readonly Alert[]): Alert[] {
  const open = openByCause(known);
  const critically = [...failures].filter(({ cause }) => cause.startsWith(critical));
  return critically.flatMap(({ tenant, cause }) => open.get(causeKey({ tenant, cause: cause.replace(critical, warning) })) ?? []);
}

function openByCause(known: readonly Alert[]): Map<string, Alert> {
  return new Map(known.filter(({ state }) => state === "open").map((alert) => [causeKey(alert), alert]));
}

function causeKey({ tenant, cause }: Pick<Alert, "tenant" | "cause">): string {
  return `${tenant}/${cause}`;
}
