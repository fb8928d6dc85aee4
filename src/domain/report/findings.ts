import { plural } from "../../decimal";
import type { OpenGroup } from "../../ledger/open-jobs";
import { type RemedyCall, type Finding, isoSeconds } from "./model";
import { redact } from "../../masking/redact";
import { ledgerFullFinding } from "../installation/ledger-size";
import { heartbeatStep } from "../installation/model";
import type { ReportFacts } from "./facts";
import { campaigns } from "./campaign-findings";
import { approvals, budgets, receivers, schedules, sites, unreadable, workers } from "./setting-findings";
import { isUnpolled } from "./flow";
import { lateSentence, maxLateMs } from "./flow-why";
import { circuitKey } from "./gates";
import { circuitSentence, gateActions, openSince } from "./gate-why";
import { heavySentence, pauseSentence, resumeOf } from "./why";
import { hourMs, minuteMs } from "../../time/day";

/** A group that failed this recently goes on failing. */
const goesOnMs = 15 * minuteMs;
const minRetrying = 3;
const maxTickAgeMs = 3 * minuteMs;

/** Every kind of finding, each from its own facts. */
export const finders: readonly ((facts: ReportFacts) => Finding[])[] = [
  tick,
  pauses,
  heavyTenants,
  circuits,
  stuck,
  failed,
  retrying,
  campaigns,
  schedules,
  sites,
  unreadable,
  receivers,
  workers,
  budgets,
  approvals,
  ledgerSize,
];

/** The report of one tenant has nothing of it: the root token alone can act. */
function ledgerSize({ ledgerBytes, ledgerLimit }: ReportFacts): Finding[] {
  return ledgerLimit ? ledgerFullFinding(ledgerBytes, ledgerLimit) : [];
}

function tick({ steps, now, installation }: ReportFacts): Finding[] {
  if (!installation) return [];
  const newest = Math.max(0, ...steps.map(({ at }) => at));
  const base = { tenant: "*", count: 1, actions: [] };
  const silent: Finding[] =
    now - newest <= maxTickAgeMs
      ? []
      : [
          {
            ...base,
            code: "tick-silent",
            severity: "critical",
            subject: "tick",
            since: newest || null,
            sentence: `The tick has not run ${newest === 0 ? "yet" : `since ${isoSeconds(newest)}`}: nothing that waits is released. Check the Worker's cron trigger.`,
          },
        ];
  const failureFindings = steps.filter(({ outcome, at }) => outcome === "failed" && now - at <= maxTickAgeMs + 2 * minuteMs);
  const [unheard, failing] = [failureFindings.filter(({ step }) => step === heartbeatStep), failureFindings.filter(({ step }) => step !== heartbeatStep)];
  return [
    ...silent,
    ...failing.map(({ step, at, detail }): Finding => {
      const sentence = `The tick's step ${step} fails${detail ? `: ${redact(detail)}` : "."}`;
      return { ...base, code: "tick-failing", severity: "critical", subject: `tick/${step}`, since: at, sentence };
    }),
    ...unheard.map(({ at, detail }): Finding => {
      const sentence = `The call of the heartbeat address failed: ${detail || "no reason is known"}. Its service will report this installation as down.`;
      const actions: RemedyCall[] = [{ method: "GET", path: "/v1/heartbeat", label: "Look" }];
      return { ...base, code: "heartbeat-failing", severity: "warning", subject: heartbeatStep, since: at, sentence, actions };
    }),
  ];
}

/** One at once, of low severity; a higher one after an hour. */
function pauses({ pauses: all, open, now, installation }: ReportFacts): Finding[] {
  return all.map((pause) => {
    const cause = `pause/${pause.scope}/${pause.name}`;
    const count = countOf(open, (group) => group.cause === cause && (pause.tenant === "*" || group.tenant === pause.tenant));
    return {
      code: "paused",
      severity: now - pause.since > hourMs ? "warning" : "info",
      sentence: `${pauseSentence(pause)} ${plural(count, "job")} wait${count === 1 ? "s" : ""} for it.`,
      since: pause.since,
      count,
      subject: `${pause.scope}/${pause.name}`,
      tenant: pause.tenant,
      // Only the root token lifts a pause for all tenants.
      actions: pause.tenant === "*" && !installation ? [] : [resumeOf(pause)],
    };
  });
}

/** Known, and often wanted: others are kept from waiting behind it. */
function heavyTenants({ heavy, open }: ReportFacts): Finding[] {
  return heavy.map((mark) => {
    const count = countOf(open, (group) => group.kind === "ready" && group.tenant === mark.tenant && group.queue === mark.queue);
    return {
      code: "tenant-heavy",
      severity: "info",
      sentence: `${heavySentence(mark)} ${plural(count, "job")} wait${count === 1 ? "s" : ""} for ${count === 1 ? "its" : "their"} turn.`,
      since: mark.since,
      count,
      subject: `queue/${mark.queue}`,
      tenant: mark.tenant,
      actions: [{ method: "GET", path: "/v1/stats?by=tenant", label: "Tenants" }],
    };
  });
}

function circuits({ gates }: ReportFacts): Finding[] {
  return gates.map((gate) => ({
    code: "circuit-open",
    severity: gate.held + gate.parked > 0 ? "critical" : "warning",
    sentence: circuitSentence(gate),
    since: openSince(gate),
    count: gate.held + gate.parked,
    subject: `gate/${gate.dependency}`,
    tenant: gate.tenant,
    actions: gateActions(gate.dependency),
  }));
}

function stuck({ open, ended, pauses: all, now, unpolled }: ReportFacts): Finding[] {
  const ready = Map.groupBy(
    // Jobs that wait for a worker outside are a finding of their own.
    open.filter((group) => group.kind === "ready" && !isUnpolled(group, unpolled)),
    ({ tenant, queue }) => `${tenant} ${queue}`,
  );
  return [...ready].flatMap(([key, groups]): Finding[] => {
    const [tenant = "", queue = ""] = key.split(" ");
    const since = Math.min(...groups.map(({ oldestAt }) => oldestAt));
    const isPaused = all.some((pause) => pause.scope === "queue" && pause.name === queue && (pause.tenant === "*" || pause.tenant === tenant));
    if (isPaused || now - since <= maxLateMs) return [];
    const count = countOf(groups, () => true);
    const isStuck = (ended.get(key) ?? 0) === 0;
    const sentence = lateSentence(queue, count, since, isStuck);
    return [
      {
        code: isStuck ? "stuck" : "behind",
        severity: isStuck ? "critical" : "warning",
        sentence,
        since,
        count,
        subject: `queue/${queue}`,
        tenant,
        actions: [],
      },
    ];
  });
}

function failed({ groups, now }: ReportFacts): Finding[] {
  return groups.map(({ tenant, group, type, reason, count, atLeast, inDoubt, firstAt, lastAt }) => {
    const path = `/v1/failures/${group}`;
    const replay: RemedyCall = { method: "POST", path: "/v1/replays", label: "Replay", body: { filter: { group } } };
    // A job in doubt ends again as it did, until a person has recorded whether its effect happened.
    const actions: RemedyCall[] = inDoubt === count ? [{ method: "GET", path, label: "Settle" }] : [{ method: "GET", path, label: "Look" }, replay];
    return {
      code: "failed",
      severity: now - lastAt <= goesOnMs ? "critical" : "warning",
      sentence: `${atLeast ? "At least " : ""}${plural(count, `${type} job`)} failed for good: ${reason}`,
      since: firstAt,
      count,
      subject: `group/${group}`,
      tenant,
      type,
      actions,
    };
  });
}

function retrying({ retrying: all, circuits, pauses: paused }: ReportFacts): Finding[] {
  const alike = Map.groupBy(all, ({ tenant, group }) => `${tenant} ${group}`);
  return [...alike.values()].flatMap((groups): Finding[] => {
    const [first] = groups;
    const count = countOf(groups, () => true);
    if (!first || count < minRetrying) return [];
    const since = Math.min(...groups.map(({ oldestAt }) => oldestAt));
    const sentence = `${plural(count, `${first.type} job`)} failed and will be tried again: ${first.cause ?? "unknown"}`;
    const look: RemedyCall = { method: "GET", path: `/v1/failures/${first.group}`, label: "Look" };
    const now: RemedyCall = { method: "POST", path: "/v1/jobs/run-now", label: "Run now", body: { filter: { group: first.group } } };
    // What is stopped before its next attempt gains nothing by making it now.
    const isStopped = groups.every((group) => circuits.has(circuitKey(group)) || paused.some((pause) => isPausedBy(group, pause)));
    const actions = isStopped ? [look] : [look, now];
    return [
      { code: "retrying", severity: "warning", sentence, since, count, subject: `group/${first.group}`, tenant: first.tenant, type: first.type, actions },
    ];
  });
}

function isPausedBy({ tenant, queue, type }: OpenGroup, pause: ReportFacts["pauses"][number]): boolean {
  return (pause.tenant === "*" || pause.tenant === tenant) && { queue, type, tenant }[pause.scope] === pause.name;
}

function countOf(groups: readonly OpenGroup[], fits: (group: OpenGroup) => boolean): number {
  return groups.reduce((sum, group) => sum + (fits(group) ? group.count : 0), 0);
}
