import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { fails, givenDead, setUp, states, useReplays } from "../../support/replays";

useReplays();

describe("the rate of a running replay", () => {
  const paced = async (tenant: string) => {
    const world = setUp();
    await givenDead(tenant, 100);
    const { id } = await world.replays.create(tenant, { canary: 0, filter: { state: "dead" }, ratePerMinute: 10 });
    return { ...world, id, sent: async () => (await world.replays.get(tenant, id))?.sent };
  };

  test("holds from the next tick on, up and down and without any", async () => {
    const { replays, id, sent } = await paced("rate");
    expect(await replays.setRate("rate", id, 30)).toMatchObject({ changed: true, replay: { ratePerMinute: 30, sent: 10 } });
    expect(await sent()).toBe(10);
    await replays.continueAll();
    expect(await sent()).toBe(40);
    await replays.setRate("rate", id, 5);
    await replays.continueAll();
    expect(await sent()).toBe(45);
    expect(await replays.setRate("rate", id, null)).toMatchObject({ replay: { ratePerMinute: null } });
    await replays.continueAll();
    expect(await sent()).toBe(100);
  });

  test("is still another request's when its key is sent again", async () => {
    const { replays } = setUp();
    await givenDead("keyed-rate", 20);
    const request = { canary: 0, filter: { state: "dead" }, ratePerMinute: 5 } as const;
    await replays.create("keyed-rate", request, "r-1");
    await replays.setRate("keyed-rate", "r-1", 9);
    expect(await replays.earlier("keyed-rate", "r-1", request)).toMatchObject({ isSame: true, view: { ratePerMinute: 9 } });
  });

  test("is not changed once it has ended, nor by another tenant", async () => {
    const { replays, id } = await paced("ended-rate");
    expect(await replays.setRate("others", id, 30)).toBeNull();
    await replays.abort("ended-rate", id);
    expect(await replays.setRate("ended-rate", id, 30)).toMatchObject({ changed: false, replay: { state: "stopped", ratePerMinute: 10 } });
  });
});

describe("a stopped replay that is continued", () => {
  const mend = (tenant: string) => env.DB.prepare(`UPDATE jobs SET payload = '{"script":[{"do":"done"}]}' WHERE tenant = ?`).bind(tenant).run();

  test("by an operator goes on with those that were not sent", async () => {
    const { bench, replays } = setUp();
    await givenDead("goes-on", 30);
    const { id } = await replays.create("goes-on", { canary: 0, filter: { state: "dead" }, ratePerMinute: 10 });
    await replays.abort("goes-on", id);
    await bench.deliverAll();
    bench.advance(60_000);
    expect(await replays.resume("goes-on", id, "root")).toMatchObject({
      changed: true,
      replay: {
        ...{ state: "running", reason: null, endedAt: null, sent: 10, unsent: 20 },
        resumed: { at: bench.now(), actor: "root", actorName: null, reason: "an operator stopped it", stoppedAt: bench.now() - 60_000 },
      },
    });
    expect(await replays.resume("goes-on", id)).toMatchObject({ changed: false });
    expect(await replays.resume("others", id)).toBeNull();
    await replays.continueAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("goes-on", id)).toMatchObject({ state: "done", sent: 30, succeeded: 30 });
  });

  test("after its canary failed sends another canary, then all the others once these end well", async () => {
    const { bench, replays } = setUp();
    await givenDead("mended", 30, { payload: fails });
    const { id } = await replays.create("mended", { filter: { state: "dead" } });
    await bench.deliverAll();
    await replays.continueAll();
    expect(await replays.get("mended", id)).toMatchObject({ state: "stopped", sent: 5, failedAgain: 5 });
    await mend("mended");
    await replays.resume("mended", id);
    await replays.continueAll();
    expect(await replays.get("mended", id)).toMatchObject({ state: "running", sent: 10, open: 5 });
    await replays.continueAll();
    expect(await states("mended")).toEqual({ discarded: 5, dead: 20, queued: 5 });
    await bench.deliverAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("mended", id)).toMatchObject({ state: "done", sent: 30, succeeded: 25, failedAgain: 5 });
  });

  test("stops again when its cause still stands", async () => {
    const { bench, replays } = setUp();
    await givenDead("stands-still", 30, { payload: fails });
    const { id } = await replays.create("stands-still", { filter: { state: "dead" } });
    await bench.deliverAll();
    await replays.continueAll();
    await replays.resume("stands-still", id);
    await replays.continueAll();
    await bench.deliverAll();
    await replays.continueAll();
    expect(await replays.get("stands-still", id)).toMatchObject({
      state: "stopped",
      sent: 10,
      failedAgain: 10,
      reason: expect.stringContaining("5 of the first 5"),
    });
    expect(await states("stands-still")).toEqual({ discarded: 10, dead: 20 });
  });

  test("is none of which jobs are open: these would count for the new canary", async () => {
    const { bench, replays } = setUp();
    await givenDead("still-open", 30, { payload: fails });
    const { id } = await replays.create("still-open", { canary: 0, filter: { state: "dead" }, ratePerMinute: 12 });
    await replays.abort("still-open", id);
    expect(await replays.resume("still-open", id)).toMatchObject({ changed: false, replay: { state: "stopped", open: 12, unsent: 18, resumed: null } });
    await bench.deliverAll();
    expect(await replays.resume("still-open", id)).toMatchObject({ changed: true, replay: { state: "running", open: 0, failedAgain: 12 } });
  });

  test("after a stop during a step sends nothing of that step again", async () => {
    const { bench, replays, hooks } = setUp();
    const ids = (await givenDead("mid-step", 30, { payload: fails })).map(({ id }) => id);
    const { id } = await replays.create("mid-step", { canary: 0, ids, ratePerMinute: 10 });
    hooks.sent = async () => void (await replays.abort("mid-step", id));
    await replays.continueAll();
    hooks.sent = async () => {};
    expect(await replays.get("mid-step", id)).toMatchObject({ state: "stopped", sent: 20, open: 20, unsent: 10, failed: 0 });
    await bench.deliverAll();
    await replays.resume("mid-step", id);
    await replays.continueAll();
    expect(await replays.get("mid-step", id)).toMatchObject({ sent: 30, failedAgain: 20, open: 10, failed: 0 });
    expect(await states("mid-step")).toEqual({ discarded: 20, queued: 10 });
  });

  test("is none that has ended or runs", async () => {
    const { bench, replays } = setUp();
    await givenDead("over", 2);
    const { id } = await replays.create("over", { canary: 0, filter: { state: "dead" } });
    expect(await replays.resume("over", id)).toMatchObject({ changed: false, replay: { state: "running" } });
    await bench.deliverAll();
    expect(await replays.resume("over", id)).toMatchObject({ changed: false, replay: { state: "done" } });
  });
});

describe("a replay that has nothing left to send", () => {
  test("is neither stopped nor continued", async () => {
    const { bench, replays } = setUp();
    await givenDead("all-sent", 20);
    const { id } = await replays.create("all-sent", { canary: 0, filter: { state: "dead" } });
    expect(await replays.abort("all-sent", id)).toMatchObject({ changed: false, replay: { state: "running", open: 20, unsent: 0 } });
    await bench.deliverAll();
    expect(await replays.get("all-sent", id)).toMatchObject({ state: "done", succeeded: 20 });
  });

  test.each([
    ["a filter", () => ({ filter: { state: "dead" } as const })],
    ["ids", (ids: string[]) => ({ ids })],
  ])("counts those of %s that another replay sent meanwhile, stopped or done", async (_, named) => {
    const { bench, replays } = setUp();
    const ids = (await givenDead("elsewhere", 43)).map(({ id }) => id);
    const { id } = await replays.create("elsewhere", { canary: 2, ...named(ids) });
    await replays.abort("elsewhere", id);
    expect(await replays.get("elsewhere", id)).toMatchObject({ unsent: 41, failed: 0 });
    await replays.create("elsewhere", { canary: 0, filter: { state: "dead" }, ratePerMinute: 30 });
    expect((await replays.list("elsewhere", { limit: 10 })).replays.find((each) => each.id === id)).toMatchObject({ unsent: 41 });
    expect(await replays.get("elsewhere", id)).toMatchObject({ state: "stopped", sent: 2, unsent: 11, failed: 30 });
    expect((await replays.list("elsewhere", { limit: 10 })).replays.find((each) => each.id === id)).toMatchObject({ unsent: 11, failed: 30 });
    await bench.deliverAll();
    await replays.resume("elsewhere", id);
    for (let tick = 0; tick < 4; tick++) {
      await replays.continueAll();
      await bench.deliverAll();
    }
    expect(await replays.get("elsewhere", id)).toMatchObject({ state: "done", unsent: 0, open: 0 });
    const { sent = 0, failed = 0 } = (await replays.get("elsewhere", id)) ?? {};
    expect(sent + failed).toBe(43);
    expect(await states("elsewhere")).toEqual({ done: 43 });
  });

  test("is one that an earlier release ended, whose cursor is not behind its jobs", async () => {
    const { bench, replays } = setUp();
    await givenDead("ended-early", 2);
    const { id } = await replays.create("ended-early", { canary: 0, filter: { state: "dead" } });
    await bench.deliverAll();
    expect(await replays.get("ended-early", id)).toMatchObject({ state: "done" });
    await env.DB.prepare("UPDATE replays SET cursor = NULL WHERE id = ?").bind(id).run();
    await givenDead("ended-early", 3);
    expect(await replays.get("ended-early", id)).toMatchObject({ state: "done", unsent: 0 });
    expect((await replays.list("ended-early", { limit: 1 })).replays).toMatchObject([{ id, unsent: 0 }]);
  });

  test("because others brought back all its rest is not continued", async () => {
    const { replays } = setUp();
    await givenDead("all-gone", 9);
    const { id } = await replays.create("all-gone", { canary: 2, filter: { state: "dead" } });
    await replays.abort("all-gone", id);
    await replays.create("all-gone", { canary: 0, filter: { state: "dead" } });
    expect(await replays.resume("all-gone", id)).toMatchObject({ changed: false, replay: { state: "stopped", unsent: 0, failed: 7 } });
  });
});
