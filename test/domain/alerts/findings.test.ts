import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { listAlerts } from "../../../src/domain/alerts/queries";
import { type AlertFailure } from "../../../src/domain/alerts/model";
import { decideGroup } from "../../../src/domain/failures/store";
import { createEngineBench } from "../../support/engine";
import { hour, minute, watching, useEmptyAlerts } from "./watch-bench";

useEmptyAlerts();

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

test("an alert is since its finding began, which may be long before a tick opened it; opened again, it is sent again", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const pausedAt = bench.now() - hour;
  const found = { tenant: "one", cause: "finding/warning/paused/queue/events", subject: "queue/events", reason: "It is paused.", count: 1 };
  const tickWith = async (ms = minute) => {
    world.state.findings = [{ ...found, firstAt: pausedAt, lastAt: bench.now() + ms }];
    await world.tick(ms);
  };
  const alert = async () => (await listAlerts(env.DB, "one", 1))[0];
  await tickWith();
  expect(await alert()).toMatchObject({ firstAt: pausedAt, since: bench.now(), state: "open" });
  world.state.findings = [];
  await world.tick(11 * minute);
  expect(await alert()).toMatchObject({ firstAt: pausedAt, state: "recovered" });
  await tickWith(2 * hour);
  expect(await alert()).toMatchObject({ firstAt: pausedAt, since: bench.now(), state: "open" });
  expect(world.sent.flatMap(({ notices }) => notices.map(({ kind }) => kind))).toEqual(["began", "recovered", "began"]);
});

test("a warning stays open while the critical alert that follows it is beyond the limit of new ones in a tick", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const finding = (severity: string, subject: string) => {
    const lastAt = bench.now() + minute;
    return { tenant: "one", cause: `finding/${severity}/circuit-open/${subject}`, subject, reason: "It is open.", count: 1, lastAt };
  };
  const openOf = async () => (await listAlerts(env.DB, "one", 200)).filter(({ state, subject }) => state === "open" && subject === "gate/mail");
  world.state.findings = [finding("warning", "gate/mail")];
  await world.tick();
  const others = Array.from({ length: 50 }, (_, index) => `gate/other-${index}`);
  for (const severity of ["warning", "critical"]) {
    world.state.findings = [...others.map((subject) => finding("critical", subject)), finding("critical", "gate/mail")];
    await world.tick();
    expect((await openOf()).map(({ cause }) => cause)).toEqual([`finding/${severity}/circuit-open/gate/mail`]);
  }
});

test("what an operator acknowledged, resolved or ignores ends without the notice that it recovered; what has ended by itself does not", async () => {
  const bench = createEngineBench();
  const world = watching(bench);
  await world.tick();
  const subjects = ["campaign-failed/campaign/c1", "retrying/group/ignored000000000", "retrying/group/goes00away000000", "circuit-open/gate/mail"];
  const at = bench.now();
  for (const group of ["ignored000000000", "goes00away000000"])
    await env.DB.prepare(
      `INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours) VALUES ('one', ?1, 'email', '', ?2, ?2, 2, '{}')`,
    )
      .bind(group, at)
      .run();
  world.state.findings = subjects.map((each) => {
    return { tenant: "one", cause: `finding/warning/${each}`, subject: "email", reason: "It fails.", count: 3, lastAt: at + minute };
  });
  await world.tick();
  await decideGroup(env.DB, "one", "ignored000000000", { status: "ignored" }, "root", at);
  world.state.findings = [];
  await world.tick();
  await world.tick(11 * minute);
  expect(
    world.sent
      .at(-1)
      ?.notices.map(({ kind, cause }) => `${kind} ${cause}`)
      .toSorted(),
  ).toEqual(["recovered finding/warning/circuit-open/gate/mail", "recovered finding/warning/retrying/group/goes00away000000"]);
  expect((await listAlerts(env.DB, "one", 9)).map(({ state }) => state)).toEqual(["recovered", "recovered", "recovered", "recovered"]);
});
