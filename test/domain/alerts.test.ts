import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { alertsOf, listAlerts, newDeadLetters } from "../../src/domain/alerts/queries";
import { type Alert, cooldown, type AlertFailure, installation, nextAlert, type Notice, quietAfter, remindAfter } from "../../src/domain/alerts/model";
import { saveAlerts } from "../../src/domain/alerts/store";
import { alertMessage } from "../../src/domain/alerts/text";
import { watch, type WatchDeps } from "../../src/domain/alerts/watch";
import { rotationMark } from "../../src/ledger/watermarks";
import { type EngineBench, createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { planOf, recordingDb } from "../support/recorder";

beforeEach(async () => {
  await emptyLedger();
  for (const table of ["alerts", "failure_groups"]) await env.DB.exec(`DELETE FROM ${table}`);
});

const minute = 60_000;
const hour = 60 * minute;
const noon = Date.UTC(2026, 10, 21, 12);

type Sent = { tenant: string; notices: { kind: string; cause: string; count: number }[] };

/** The tick's step over a bench, and what it sent. */
function watching(bench: EngineBench, options: { via?: readonly string[] | null; steps?: Awaited<ReturnType<WatchDeps["steps"]>> } = {}) {
  const sent: Sent[] = [];
  const state = {
    via: ["slack"] as readonly string[] | null,
    steps: [] as Awaited<ReturnType<WatchDeps["steps"]>>,
    findings: [] as AlertFailure[],
    ...options,
  };
  const deps: WatchDeps = {
    db: env.DB,
    mark: rotationMark(env.DB, "alerts"),
    steps: async () => state.steps,
    findings: async () => state.findings,
    send: async (tenant, notices) => {
      sent.push({ tenant, notices: notices.map(({ kind, alert: { cause, count } }) => ({ kind, cause, count })) });
      return state.via;
    },
  };
  const fail = async (tenant: string, reason: string, count = 1, more: object = {}) => {
    await bench.accept(Array.from({ length: count }, () => ({ tenant, payload: { script: [{ do: "discard", reason }], ...more } })));
    await bench.deliver(bench.held.slice());
  };
  return { sent, state, fail, tick: async (ms = minute) => watch(deps, bench.advance(ms)) };
}

describe("dead letters", () => {
  test("of a new group are sent once, together, each owner's to itself; their recovery is sent too", async () => {
    const bench = createEngineBench();
    const world = watching(bench);
    await world.fail("one", "an old failure");
    await world.tick(5 * minute);
    await world.fail("one", "the provider answered 500", 3);
    await world.fail("one", "no such product");
    await world.fail("two", "the provider answered 500");
    await world.tick();
    expect(world.sent.map(({ tenant }) => tenant).toSorted()).toEqual(["one", "two"]);
    const [one] = world.sent.filter(({ tenant }) => tenant === "one");
    expect(one?.notices.map(({ kind, count }) => [kind, count]).toSorted()).toEqual([
      ["began", 1],
      ["began", 3],
    ]);
    await world.fail("one", "the provider answered 502", 2);
    await world.tick();
    expect(world.sent).toHaveLength(2);
    expect((await listAlerts(env.DB, "one", 10)).map(({ count, state, via }) => [count, state, via])).toEqual([
      [5, "open", ["slack"]],
      [1, "open", ["slack"]],
    ]);
    await world.tick(61 * minute);
    expect(world.sent.slice(2).flatMap(({ notices }) => notices.map(({ kind }) => kind))).toEqual(["recovered", "recovered", "recovered"]);
    expect((await listAlerts(env.DB, "two", 10))[0]).toMatchObject({ state: "recovered", recoveredAt: bench.now() });
    for (let ticks = 0; ticks < 3; ticks++) await world.tick();
    expect(world.sent).toHaveLength(4);
  });

  test("that were there before the first look are no news", async () => {
    const world = watching(createEngineBench());
    await world.fail("one", "an old failure", 5);
    await world.tick(5 * minute);
    expect(world.sent).toEqual([]);
    expect(await listAlerts(env.DB, "one", 10)).toEqual([]);
  });

  test("that were replayed before a tick looked are in the time of the open alert's newest failure", async () => {
    const bench = createEngineBench();
    const world = watching(bench);
    await world.tick();
    await world.fail("one", "the provider answered 422");
    await world.tick();
    const [before] = await listAlerts(env.DB, "one", 1);
    bench.advance(3 * minute);
    await world.fail("one", "the provider answered 422");
    await env.DB.exec("DELETE FROM dead_letters");
    await world.tick(minute);
    expect(await listAlerts(env.DB, "one", 1)).toMatchObject([{ cause: before?.cause, lastAt: (before?.lastAt ?? 0) + 4 * minute }]);
  });

  test("of alerts themselves make none", async () => {
    const bench = createEngineBench();
    const world = watching(bench);
    await world.tick();
    await world.fail("one", "channel_not_found", 2, { entity: "alert:slack" });
    await world.fail("one", "channel_not_found", 1, { entity: "lead:7" });
    await world.tick();
    expect(world.sent).toMatchObject([{ tenant: "one", notices: [{ kind: "began", count: 1 }] }]);
  });

  test("that no channel has accepted are sent with the next tick; without a channel they are listed", async () => {
    const bench = createEngineBench();
    const world = watching(bench, { via: null });
    await world.tick();
    await world.fail("one", "x");
    expect(await world.tick()).toMatchObject({ open: 1, sent: 0, refused: 1 });
    expect((await listAlerts(env.DB, "one", 10))[0]).toMatchObject({ toldAt: null });
    world.state.via = [];
    expect(await world.tick()).toMatchObject({ sent: 1, refused: 0 });
    expect((await listAlerts(env.DB, "one", 10))[0]).toMatchObject({ toldAt: bench.now(), via: [] });
    await world.tick(2 * hour);
    expect(world.sent).toHaveLength(2);
  });

  test.each([
    ["letters", "'one'"],
    ["groups", "'kind ' || value"],
  ])("of a tenant with very many %s delay no alert of another", async (_what, kind) => {
    const world = watching(createEngineBench());
    await world.tick();
    const sql = `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at)
      WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?2) SELECT ?1, ?3, value, 't', 'dead', 'r', ${kind}, 1, ?3 FROM n`;
    await env.DB.prepare(sql)
      .bind("noisy", 10_500, noon + 1000)
      .run();
    await env.DB.prepare(sql)
      .bind("quiet", 1, noon + 2000)
      .run();
    await world.tick();
    expect(world.sent.map(({ tenant }) => tenant).toSorted()).toEqual(["noisy", "quiet"]);
  });

  test("of a thousand groups are bounded", async () => {
    const bench = createEngineBench();
    const world = watching(bench);
    await world.tick();
    const reasons = Array.from({ length: 120 }, (_, n) => ({
      tenant: "one",
      payload: { script: [{ do: "discard", reason: `failure ${String.fromCharCode(97 + (n % 26), 97 + Math.floor(n / 26))}` }] },
    }));
    await bench.accept(reasons);
    await bench.deliver(bench.held.slice());
    await world.tick();
    expect(world.sent).toHaveLength(1);
    expect(world.sent[0]?.notices).toHaveLength(50);
  });
});

test("a step of the tick that fails is the installation's alert, until it has worked for ten minutes", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const step = (outcome: string) => (world.state.steps = [{ step: "sweep", outcome, at: bench.now(), detail: "D1 is down" }]);
  step("failed");
  await world.tick();
  expect(world.sent).toEqual([{ tenant: installation, notices: [{ kind: "began", cause: "tick/sweep", count: 1 }] }]);
  // The row of a step that did not run again is no second failure.
  await world.tick();
  expect((await listAlerts(env.DB, installation, 10))[0]).toMatchObject({ count: 1 });
  step("failed");
  await world.tick();
  expect((await listAlerts(env.DB, installation, 10))[0]).toMatchObject({ count: 2 });
  step("done");
  await world.tick(8 * minute);
  expect(world.sent).toHaveLength(1);
  await world.tick(2 * minute);
  expect(world.sent.at(-1)).toMatchObject({ notices: [{ kind: "recovered" }] });
});

describe("an alert", () => {
  const failure = (at: number): AlertFailure => ({ tenant: "one", cause: "dead-letters/g", subject: "email", reason: "500", count: 1, lastAt: at });

  test("is sent when it opens, at most once in its cooldown, again after a day or at its tenth job, and its recovery only if it was sent", () => {
    const events = fc.array(fc.record({ minutes: fc.constantFrom(1, 5, 30, 59, 61, 300, 1500), fails: fc.boolean(), taken: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(events, (steps) => {
        let [alert, now]: [Alert | undefined, number] = [undefined, noon];
        const notices: { kind: Notice["kind"]; at: number; count: number }[] = [];
        for (const { minutes, fails, taken } of steps) {
          now += minutes * minute;
          const verdict = nextAlert(alert, fails ? failure(now) : undefined, now);
          if (!verdict) continue;
          const told = verdict.notice !== null && taken;
          if (told && verdict.notice) notices.push({ kind: verdict.notice, at: now, count: verdict.alert.count });
          alert = told ? { ...verdict.alert, toldAt: now, via: ["slack"] } : verdict.alert;
          if (alert.state === "open") expect(now - alert.lastAt).toBeLessThan(quietAfter(alert.cause));
        }
        for (const [index, { kind, at, count }] of notices.entries()) {
          const before = notices[index - 1];
          if (kind === "recovered") expect(["began", "continues"]).toContain(before?.kind);
          if (kind === "began" && before) expect(at - before.at).toBeGreaterThanOrEqual(cooldown);
          if (kind === "continues" && before && count !== 10) expect(at - before.at).toBeGreaterThanOrEqual(remindAfter);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("says in a sentence what failed, how often and where to look, and nothing that looks personal", () => {
    const alert = {
      ...nextAlert(undefined, failure(noon), noon)?.alert,
      reason: "<b>ada@example.com</b> was refused (Advanced Parameters > Webservice), call +49 30 1234567",
      count: 12,
    } as Alert;
    const { subject, text } = alertMessage([{ kind: "began", alert }], undefined);
    expect(text).toBe("12 jobs of type email failed for good:  b [e-mail] /b  was refused (Advanced Parameters › Webservice), call [number] (group g)");
    expect(subject).toBe(`Jobyard: ${text}`.slice(0, 129));
    const many = alertMessage(
      Array.from({ length: 30 }, () => ({ kind: "recovered" as const, alert })),
      undefined,
    );
    expect(many.subject).toBe("Jobyard: 30 alerts");
    expect(many.text.split("\n")).toHaveLength(11);
    expect(many.text).toContain("and 20 more: GET /v1/alerts");
  });
});

test("its statements find their rows by key", async () => {
  const { db, said } = recordingDb();
  await newDeadLetters(db, noon, noon + 1);
  await alertsOf(db, [{ tenant: "one", cause: "x" }]);
  await listAlerts(db, "one", 10);
  await saveAlerts(db, [nextAlert(undefined, { tenant: "one", cause: "x", subject: "s", reason: "", count: 1, lastAt: noon }, noon)?.alert as Alert]);
  const plans = await Promise.all(said.map(planOf));
  const scans = plans.flat().filter((line) => line.startsWith("SCAN ") && !/VIRTUAL TABLE|SCAN (each|\(subquery|CONSTANT ROW)/.test(line));
  expect(scans.filter((line) => !line.includes("alerts_open"))).toEqual([]);
});

test("a finding is sent once, counts what there is now, and recovers ten minutes after it has gone", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const finding = (count: number): AlertFailure => {
    return {
      tenant: "one",
      cause: "finding/critical/circuit-open/gate/mail",
      subject: "gate/mail",
      reason: "The circuit of mail is open.",
      count,
      lastAt: bench.now() + minute,
    };
  };
  for (const count of [3, 7, 5]) {
    world.state.findings = [finding(count)];
    await world.tick();
  }
  expect(world.sent).toEqual([{ tenant: "one", notices: [{ kind: "began", cause: "finding/critical/circuit-open/gate/mail", count: 3 }] }]);
  expect((await listAlerts(env.DB, "one", 5))[0]).toMatchObject({ count: 5, state: "open" });
  world.state.findings = [];
  await world.tick(11 * minute);
  expect(world.sent.at(-1)?.notices).toMatchObject([{ kind: "recovered" }]);
});

test("of two findings with one cause the alert is about the first, which is of the most jobs", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const lastAt = bench.now() + minute;
  const finding = { tenant: "one", cause: "finding/warning/retrying/type/email", subject: "type/email", lastAt };
  world.state.findings = [
    { ...finding, reason: "53 email jobs failed", count: 53 },
    { ...finding, reason: "3 email jobs failed", count: 3 },
  ];
  await world.tick();
  expect(await listAlerts(env.DB, "one", 5)).toMatchObject([{ count: 53, reason: "53 email jobs failed" }]);
});

test("a finding that gets worse is one alert: the warning ends without a notice, and a milder one goes on as the worst it has been", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const cause = (severity: string) => `finding/${severity}/circuit-open/gate/mail`;
  const tickWith = async (severity: string) => {
    const lastAt = bench.now() + minute;
    world.state.findings = [{ tenant: "one", cause: cause(severity), subject: "gate/mail", reason: `It is open at ${lastAt}.`, count: 1, lastAt }];
    await world.tick();
  };
  await tickWith("warning");
  await tickWith("critical");
  for (let ticks = 0; ticks < 12; ticks++) await tickWith("warning");
  expect(world.sent.flatMap(({ notices }) => notices.map(({ kind, cause: of }) => [kind, of]))).toEqual([
    ["began", cause("warning")],
    ["began", cause("critical")],
  ]);
  const states = async () => (await listAlerts(env.DB, "one", 5)).map(({ cause: of, state }) => [of, state]).toSorted();
  expect(await states()).toEqual([
    [cause("critical"), "open"],
    [cause("warning"), "recovered"],
  ]);
  world.state.findings = [];
  await world.tick();
  await world.tick(11 * minute);
  expect(world.sent.at(-1)?.notices).toMatchObject([{ kind: "recovered", cause: cause("critical") }]);
  expect((await states()).map(([, state]) => state)).toEqual(["recovered", "recovered"]);
});
