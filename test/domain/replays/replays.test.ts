import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canaryRoom, endOf } from "../../../src/domain/replays/step";
import { noon } from "../../support/rows";
import { setUp, givenDead, states, fails, standing, useReplays } from "../../support/replays";

useReplays();

describe("a replay", () => {
  test("at a rate takes that many a minute, in several steps if it must", async () => {
    const { replays } = setUp();
    await givenDead("paced", 300);
    const { id } = await replays.create("paced", { canary: 0, filter: { state: "dead" }, ratePerMinute: 70, patch: { text: "x" } });
    expect(await replays.get("paced", id)).toMatchObject({ sent: 70, ratePerMinute: 70 });
    await replays.continueAll();
    expect(await replays.get("paced", id)).toMatchObject({ sent: 140 });
  });

  test("that fails leaves the others their turn", async () => {
    const { bench, replays } = setUp();
    for (const tenant of ["broken", "whole"]) {
      await givenDead(tenant, 2);
      await replays.create(tenant, { canary: 0, filter: { state: "dead" }, ratePerMinute: 1 });
    }
    await env.DB.prepare("UPDATE jobs SET payload = NULL, ref = 'away' WHERE tenant = 'broken'").run();
    await env.DB.prepare(`UPDATE replays SET request = '{"filter":{"state":"dead"},"patch":{"text":"x"},"ratePerMinute":1}' WHERE tenant = 'broken'`).run();
    bench.faults.payloads = true;
    await expect(replays.continueAll()).rejects.toThrow("R2 is down");
    expect(await states("whole")).toEqual({ queued: 2 });
    expect(await states("broken")).toEqual({ queued: 1, dead: 1 });
  });

  test("that was aborted goes no further", async () => {
    const { replays } = setUp();
    await givenDead("aborted", 3);
    const { id } = await replays.create("aborted", { canary: 0, filter: { state: "dead" }, ratePerMinute: 1 });
    expect(await replays.abort("aborted", id)).toMatchObject({ changed: true, replay: { state: "stopped", reason: "an operator stopped it", sent: 1 } });
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    expect(await states("aborted")).toEqual({ queued: 1, dead: 2 });
  });
});

test("from and to are times of accepting, as in the list of jobs: what the list shows is what is replayed", async () => {
  const { replays, queries } = setUp();
  const hour = 3_600_000;
  await givenDead("times", 2, { at: noon - 2 * hour });
  const young = await givenDead("times", 1, { at: noon - 1 });
  const filter = { from: noon - hour, state: "dead" } as const;
  const listed = await queries.deadLetters("times", filter, { limit: 10 });
  expect(listed.deadLetters.map(({ id }) => id)).toEqual(young.map(({ id }) => id));
  expect(await replays.plan("times", { filter })).toMatchObject({ total: 1 });
  expect(await replays.plan("times", { filter: { to: noon - hour } })).toMatchObject({ total: 2 });
});

describe("asked for twice under one id", () => {
  const request = { filter: { state: "dead" } } as const;

  test("is one replay, also when both calls come at once", async () => {
    const { replays } = setUp();
    await givenDead("twice", 12);
    const [one, other] = await Promise.all([replays.create("twice", request, "r-1"), replays.create("twice", request, "r-1")]);
    expect([one.id, other.id]).toEqual(["r-1", "r-1"]);
    expect(await states("twice")).toEqual({ queued: 5, dead: 7 });
    expect((await replays.list("twice", { limit: 10 })).replays).toHaveLength(1);
  });

  test("differs from another request under that id", async () => {
    const { replays } = setUp();
    await givenDead("told", 2);
    expect(await replays.earlier("told", "r-1", request)).toBeNull();
    await replays.create("told", request, "r-1");
    expect(await replays.earlier("told", "r-1", { canary: 5, ...request })).toMatchObject({ view: { id: "r-1", total: 2 }, isSame: true });
    expect(await replays.earlier("told", "r-1", { ...request, ratePerMinute: 3 })).toMatchObject({ isSame: false });
    expect(await replays.earlier("others", "r-1", request)).toBeNull();
  });
});

describe("what a replay says of its jobs", () => {
  test("ends when they have ended, and says how: succeeded, failed again, cancelled", async () => {
    const { bench, replays } = setUp();
    const deadJobs = await givenDead("mixed-end", 3);
    const broken = await givenDead("mixed-end", 2, { payload: fails });
    const { id } = await replays.create("mixed-end", { canary: 0, filter: { state: "dead" } });
    expect(await replays.get("mixed-end", id)).toMatchObject({ state: "running", total: 5, sent: 5, open: 5, endedAt: null });
    await env.DB.prepare("UPDATE jobs SET state = 'cancelled', ended = 1, cancel = 1 WHERE id = ?")
      .bind(deadJobs[0]?.id ?? "")
      .run();
    await bench.deliverAll();
    expect(await replays.get("mixed-end", id)).toMatchObject({
      state: "done",
      sent: 5,
      succeeded: 2,
      failedAgain: 2,
      cancelled: 1,
      open: 0,
      endedAt: bench.now(),
    });
    const examples = (await replays.get("mixed-end", id))?.examples ?? [];
    expect(examples.toSorted()).toEqual(broken.map((row) => row.id).toSorted());
    expect(await bench.all("SELECT job FROM replay_jobs")).toEqual([]);
  });

  test("whose cause stands ends with all of them failed again; the tick finds out without a reader", async () => {
    const { bench, replays } = setUp();
    await givenDead("stands", 12, { payload: fails });
    const { id } = await replays.create("stands", { canary: 0, filter: { state: "dead" } });
    await bench.deliverAll();
    await replays.continueAll();
    const [row] = await bench.all("SELECT state, done, failed_again FROM replays WHERE id = ?", id);
    expect(row).toEqual({ state: "done", done: 12, failed_again: 12 });
    expect(await states("stands")).toEqual({ discarded: 12 });
  });

  test("its first five go alone; when they fail again it stops by itself and leaves the others", async () => {
    const { bench, replays } = setUp();
    await givenDead("stops", 12, { payload: fails });
    const { id } = await replays.create("stops", { filter: { state: "dead" } });
    expect(await replays.get("stops", id)).toMatchObject({ state: "running", canary: 5, sent: 5, open: 5 });
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    await bench.deliverAll();
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    expect(await replays.get("stops", id)).toMatchObject({
      state: "stopped",
      reason: "5 of the first 5 jobs failed again; the others were not sent",
      sent: 5,
      failedAgain: 5,
      open: 0,
    });
    expect(await states("stops")).toEqual({ discarded: 5, dead: 7 });
  });

  test("goes on at its rate once the first five ended well", async () => {
    const { bench, replays } = setUp();
    await givenDead("ramps", 40);
    const { id } = await replays.create("ramps", { filter: { state: "dead" }, ratePerMinute: 20 });
    await bench.deliverAll();
    expect(await replays.get("ramps", id)).toMatchObject({ state: "running", sent: 5, succeeded: 5 });
    await replays.continueAll();
    expect(await replays.get("ramps", id)).toMatchObject({ state: "running", sent: 25 });
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("ramps", id)).toMatchObject({ state: "done", sent: 40, succeeded: 40, failedAgain: 0 });
  });

  test("stops on the way when most of what was sent since fails again", async () => {
    const { bench, replays } = setUp();
    await givenDead("midway", 60, { payload: fails });
    const good = await givenDead("midway", 5, { at: noon + 1 });
    await env.DB.batch(good.map(({ id }) => env.DB.prepare("UPDATE dead_letters SET died = ?2 WHERE id = ?1").bind(id, noon + 1000)));
    await env.DB.prepare("UPDATE jobs SET ended = ?1 WHERE at = ?2")
      .bind(noon + 1000, noon + 1)
      .run();
    const { id } = await replays.create("midway", { filter: { state: "dead" }, ratePerMinute: 20 });
    await bench.deliverAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    expect(await replays.get("midway", id)).toMatchObject({
      state: "stopped",
      sent: 25,
      succeeded: 5,
      failedAgain: 20,
      reason: expect.stringContaining("20 of 25"),
    });
  });

  test("a step that crashed after it sent is taken again and counts each job once", async () => {
    const { bench, replays } = setUp();
    await givenDead("crashed", 8);
    const { id } = await replays.create("crashed", { canary: 3, filter: { state: "dead" } });
    // As if the record of the step had been lost: the cursor stands where it began.
    await env.DB.prepare("UPDATE replays SET cursor = NULL WHERE id = ?").bind(id).run();
    await bench.deliverAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("crashed", id)).toMatchObject({ state: "done", sent: 8, succeeded: 8, open: 0 });
  });

  test("one that was stopped still says what became of what it had sent", async () => {
    const { bench, replays } = setUp();
    await givenDead("late", 3);
    const { id } = await replays.create("late", { canary: 0, filter: { state: "dead" }, ratePerMinute: 2 });
    await replays.abort("late", id);
    await bench.deliverAll();
    expect(await replays.get("late", id)).toMatchObject({ state: "stopped", sent: 2, succeeded: 2, open: 0 });
    expect((await replays.list("late", { limit: 10 })).replays).toMatchObject([{ id, succeeded: 2 }]);
  });

  test("a plan says how many effects happened, are in doubt, and how many calls it makes", async () => {
    const { replays } = setUp();
    const rows = await givenDead("effects", 4);
    const effect = "INSERT INTO effects (tenant, job, key, revision, state, at) VALUES ('effects', ?, ?, 0, ?, 1)";
    const given = [
      ["send", "done"],
      ["send", "uncertain"],
      ["decide:page", "done"],
    ] as const;
    await env.DB.batch(given.map(([key, state], index) => env.DB.prepare(effect).bind(rows[index]?.id ?? "", key, state)));
    expect(await replays.plan("effects", { filter: { state: "dead" } })).toMatchObject({ total: 4, effects: { done: 1, inDoubt: 1 }, providerCalls: 2 });
  });
});

test("a replay under way is never both waiting for its canary and free to go on, and never stops without failures", () => {
  fc.assert(
    fc.property(standing, (replay) => {
      const verdict = endOf(replay);
      if (replay.failedAgain === 0) expect(verdict?.state).not.toBe("stopped");
      if (replay.open > 0) expect(verdict?.state).not.toBe("done");
      if (replay.canary === 0) expect([verdict?.state === "stopped", canaryRoom(replay)]).toEqual([false, Infinity]);
      if (replay.sent < replay.canary) expect(canaryRoom(replay)).toBe(replay.canary - replay.sent);
    }),
  );
});
