import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { alertsOf, listAlerts, newDeadLetters } from "../../../src/domain/alerts/queries";
import { type Alert, installation, nextAlert } from "../../../src/domain/alerts/model";
import { saveAlerts } from "../../../src/domain/alerts/store";
import { createEngineBench } from "../../support/engine";
import { planOf, recordingDb } from "../../support/recorder";
import { minute, hour, noon, watching, useEmptyAlerts } from "./watch-bench";

useEmptyAlerts();

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
    await world.fail("one", "the provider answered 500", 2);
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

test("its statements find their rows by key", async () => {
  const { db, statements } = recordingDb();
  await newDeadLetters(db, noon, noon + 1);
  await alertsOf(db, [{ tenant: "one", cause: "x" }]);
  await listAlerts(db, "one", 10);
  await saveAlerts(db, [nextAlert(undefined, { tenant: "one", cause: "x", subject: "s", reason: "", count: 1, lastAt: noon }, noon)?.alert as Alert]);
  const plans = await Promise.all(statements.map(planOf));
  const scans = plans.flat().filter((line) => line.startsWith("SCAN ") && !/VIRTUAL TABLE|SCAN (each|\(subquery|CONSTANT ROW)/.test(line));
  expect(scans.filter((line) => !line.includes("alerts_open"))).toEqual([]);
});
