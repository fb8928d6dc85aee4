import { describe, expect, test } from "vitest";
import { currentOf } from "../../../src/domain/alerts/current";
import { type Alert, nextAlert, quietAfter } from "../../../src/domain/alerts/model";
import { alertCodes, type AlertRule, causeOf, wants } from "../../../src/domain/alerts/rule";
import { alertMessage } from "../../../src/domain/alerts/text";
import type { ReportFacts } from "../../../src/domain/report/facts";
import { paidPlanLimit } from "../../../src/domain/installation/ledger-size";
import { finders } from "../../../src/domain/report/findings";
import type { Finding } from "../../../src/domain/report/model";
import { failuresOf } from "../../../src/intake/tick/send-alerts";

const now = Date.UTC(2026, 10, 21, 12);
const hour = 3_600_000;
const tenant = "acme";
const open = { tenant, queue: "email-sending", type: "email", site: null, cause: null, count: 9, oldestAt: now - hour, example: "x" };
const person = "ada.lovelace@example.com";

/** An installation where everything is wrong that can be. */
const facts: ReportFacts = {
  now,
  installation: true,
  ledgerBytes: 9_700_000_000,
  ledgerLimit: paidPlanLimit,
  steps: [
    { step: "sweep", outcome: "failed", at: now - 60_000, detail: "D1 is down" },
    { step: "heartbeat", outcome: "failed", at: now - 60_000, detail: "it answered 500" },
  ],
  pauses: [{ tenant, scope: "queue", name: "deliveries", since: now - 2 * hour, actor: "root", reason: null }],
  open: [
    { ...open, kind: "ready" },
    { ...open, kind: "ready", queue: "deliveries-2" },
    { ...open, kind: "retrying", cause: `550 ${person} is unknown` },
  ],
  retrying: [{ ...open, kind: "retrying", cause: `550 ${person} is unknown`, group: "email-550" }],
  settled: [],
  heavy: [{ tenant, queue: "email-sending", since: now - hour }],
  ended: new Map([[`${tenant} deliveries-2`, 5]]),
  circuits: new Map(),
  gates: [
    {
      tenant,
      dependency: "mail",
      circuit: "open",
      openUntil: now + 60_000,
      failures: 5,
      slots: { used: 0, max: 4 },
      rate: null,
      held: 3,
      parked: 210,
      lastFailure: { at: now - hour, reason: `host not found for ${person}` },
    },
  ],
  groups: [
    { tenant, group: "email-550", type: "email", reason: `550 ${person} is unknown`, count: 12, atLeast: false, inDoubt: 0, firstAt: now - hour, lastAt: now },
  ],
  schedules: [
    { tenant, name: "nightly", outcome: "failed", note: "the queue is full", plannedAt: now - hour },
    { tenant, name: "weekly", outcome: "skipped", note: "the last one runs", plannedAt: now - hour },
  ],
  sites: [{ tenant, site: "main", reason: "the key was refused", since: now - hour }],
  unreadable: [{ tenant, site: "main", count: 4, since: now - hour }],
  proposals: [{ tenant, agent: "content-management", count: 1, since: now - hour }],
  purchaseOrders: [{ tenant, site: "main", count: 1, since: now - hour }],
  retired: [{ tenant, kind: "destination", name: "pager", reason: "410 gone", since: now }],
  campaigns: [
    {
      ...{
        tenant,
        id: "c1",
        name: "News",
        state: "running",
        started: now - hour,
        ended: null,
        total: 500,
        sent: 0,
        failed: 40,
        acknowledged: null,
        acknowledgedSeverity: null,
        reason: `550 ${person} is unknown`,
      },
      ...{ stalled: 60, stalledReason: `503 for ${person}`, stalledSince: now - hour, attempts: 1, jobReason: null, left: 460 },
    },
  ],
  budgets: [{ tenant, usdPerMonth: 10, spent: 11 }],
  unpolled: [{ tenant, type: "remote-demo", count: 2, since: null, oldestAt: now }],
};

const found: Finding[] = finders.flatMap((find) => find(facts));
const silent = finders.flatMap((find) => find({ ...facts, steps: [] })).filter(({ code }) => code === "tick-silent");
const usual: AlertRule = { enabled: true, minSeverity: "warning", slack: true, email: [] };

/** Findings that the alerts learn of by another way than the report: from the dead letters, the tick's steps and the workers' shelves. */
const ownCauses = { failed: "dead-letters/email-550", "tick-failing": "tick/sweep", "no-worker": "no-worker/remote-demo" };
const known: Readonly<Record<string, string>> = ownCauses;

describe("every kind of finding", () => {
  const codes = [...new Set(found.map(({ code }) => code))];

  test("is one a rule may name, but for what is as it should be or waits for an approval, and for the tick that cannot tell of its own silence", () => {
    expect(codes.filter((code) => !alertCodes.some((each) => each === code))).toEqual(["tenant-heavy", "approval"]);
    expect(alertCodes.filter((code) => !codes.includes(code))).toEqual([]);
    expect(silent).toHaveLength(1);
  });

  test.each([
    ["failed", "critical", "/t/acme/failures/email-550"],
    ["retrying", "warning", "/t/acme/failures/email-550"],
    ["campaign-failed", "critical", "/t/acme/campaigns/c1"],
    ["campaign-stalled", "warning", "/t/acme/campaigns/c1"],
    ["circuit-open", "critical", "/t/acme/flow"],
    ["paused", "warning", "/t/acme/flow/deliveries"],
    ["stuck", "critical", "/t/acme/flow/email-sending"],
    ["behind", "warning", "/t/acme/flow/deliveries-2"],
    ["schedule-failed", "critical", "/t/acme/schedules"],
    ["site-paused", "critical", "/t/acme/sites/main"],
    ["site-unreadable", "warning", "/t/acme/sites/main"],
    ["receiver-off", "warning", "/t/acme/settings"],
    ["no-worker", "critical", "/t/acme/workers"],
    ["budget", "critical", "/t/acme/costs"],
    ["tick-failing", "critical", "/t/*/system"],
    ["heartbeat-failing", "warning", "/t/*/system"],
    ["ledger-full", "critical", "/t/*/system"],
  ])("%s is sent without any setting as %s, once, with a link to %s, without a person's address, and its end is sent too", (code, severity, path) => {
    const finding = found.find((each) => each.code === code) as Finding;
    const [own] = failuresOf([finding], now);
    const isOwn = known[code] === undefined;
    expect(own !== undefined).toBe(isOwn);
    const failure = own ?? { tenant: finding.tenant, cause: known[code] ?? "", subject: "email", reason: finding.sentence, count: 1, lastAt: now };
    expect(causeOf(failure.cause)).toEqual({ code, severity, subject: finding.subject });
    const current = { ...nextAlert(undefined, failure, now)!.alert, reason: "as it was when it was found" };
    expect(currentOf(current, found, now)).toMatchObject({ sentence: finding.sentence, notSeenSince: null, actions: finding.actions });
    expect(wants(usual, failure)).toBe(true);
    const began = nextAlert(undefined, failure, now);
    expect(began?.notice).toBe("began");
    const announced = { ...(began as NonNullable<typeof began>).alert, toldAt: now, via: ["slack"] };
    expect(nextAlert(announced, { ...failure, lastAt: now + 60_000 }, now + 60_000)?.notice).toBeNull();
    expect(nextAlert(announced, undefined, now + quietAfter(failure.cause))?.notice).toBe("recovered");
    const { subject, text } = alertMessage([{ kind: "began", alert: announced }], "https://jobs.example.com");
    expect(text.split(" ").at(-1)).toBe(`https://jobs.example.com${path}`);
    expect(`${subject} ${text}`).not.toContain(person);
    expect(alertMessage([{ kind: "began", alert: announced }], undefined).text).not.toContain("http");
  });

  test.each(["schedule-skipped", "tenant-heavy", "approval"])("%s is known and may be wanted: it is in the report and not sent", (code) => {
    expect(
      failuresOf(
        found.filter((each) => each.code === code),
        now,
      ),
    ).toEqual([]);
  });
});

describe("an alert as it is now", () => {
  const circuit = found.find(({ code }) => code === "circuit-open") as Finding;
  const opened = (cause: string, more: Partial<Alert> = {}): Alert => ({
    ...{ tenant, cause, state: "open", subject: "s", reason: "it was open until noon", count: 3, firstAt: now - hour, since: now - hour, lastAt: now - 60_000 },
    ...{ toldAt: null, via: [], recoveredAt: null, ...more },
  });

  test("has the report's sentence, also where its severity has changed since", () => {
    for (const severity of ["critical", "warning"])
      expect(currentOf(opened(`finding/${severity}/circuit-open/gate/mail`), found, now)).toMatchObject({ sentence: circuit.sentence, notSeenSince: null });
  });

  test.each(["finding/critical/circuit-open/gate/mail", "dead-letters/email-550", "tick/sweep", "no-worker/remote-demo"])(
    "%s that the report has not any more says since when, until it has recovered",
    (cause) => {
      expect(currentOf(opened(cause), [], now)).toMatchObject({ sentence: "it was open until noon", notSeenSince: now - 60_000, actions: [] });
      expect(currentOf(opened(cause, { state: "recovered", recoveredAt: now }), found, now)).toMatchObject({
        sentence: "it was open until noon",
        notSeenSince: null,
      });
      expect(currentOf(opened(cause, { tenant: "other" }), found, now).notSeenSince).toBe(now - 60_000);
    },
  );

  test("about a circuit that is closed again says in the past tense that it was open", () => {
    const sentenceOf = (reason: string, more: Partial<Alert> = {}) =>
      currentOf(opened("finding/critical/circuit-open/gate/mail", { reason, ...more }), [], now).sentence;
    expect(sentenceOf(circuit.sentence)).toMatch(/^The circuit of mail was open after 5 failures in a row \(host not found .*\); 213 jobs waited for it\.$/);
    const trying = "The circuit of mail lets one job try now; 1 job waits for it.";
    expect(sentenceOf(trying)).toBe("The circuit of mail was open; 1 job waited for it.");
    expect(sentenceOf(trying, { state: "recovered", recoveredAt: now })).toBe("The circuit of mail was open; 1 job waited for it.");
  });

  test("about a worker, of which the report has no finding, was seen by the newest tick or was not", () => {
    expect(currentOf(opened("offers-void/w1"), found, now).notSeenSince).toBeNull();
    expect(currentOf(opened("offers-void/w1", { lastAt: now - 4 * 60_000 }), found, now).notSeenSince).toBe(now - 4 * 60_000);
  });
});

test("a group of dead letters that grows is sent again at its 10th, 100th and 1,000th job, and no finding is", () => {
  const failure = { tenant, cause: "dead-letters/g", subject: "email", reason: "500", count: 1, lastAt: now };
  const announced = { ...failure, state: "open" as const, firstAt: now, since: now, toldAt: now, via: ["slack"], recoveredAt: null };
  const noticeAt = (before: number, more: number, cause = failure.cause) =>
    nextAlert({ ...announced, cause, count: before }, { ...failure, cause, count: more }, now + 60_000)?.notice;
  expect([noticeAt(1, 8), noticeAt(9, 1), noticeAt(10, 80), noticeAt(98, 2), noticeAt(500, 600), noticeAt(5, 2000)]).toEqual([
    null,
    "continues",
    null,
    "continues",
    "continues",
    "continues",
  ]);
  expect(noticeAt(9, 10, "finding/critical/circuit-open/gate/mail")).toBeNull();
});
