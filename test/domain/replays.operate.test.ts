import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReplayFilter, ReplayRequest } from "../../src/domain/replays/model";
import { mayOverlap } from "../../src/domain/replays/overlap";
import { fails, givenDead, setUp, states, useReplays } from "../support/replays";

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

describe("the plan of a replay", () => {
  test("names the running ones that still send and may name the same jobs", async () => {
    const { bench, replays } = setUp();
    const ids = (await givenDead("twice", 12)).map(({ id }) => id);
    const runningWith = async (request: ReplayRequest, tenant = "twice") => (await replays.plan(tenant, request)).running;
    const first = await replays.create("twice", { canary: 1, filter: { type: "scripted", state: "dead" } });
    expect(await runningWith({ filter: { state: "dead" } })).toEqual([first.id]);
    expect(await runningWith({ filter: { state: "discarded" } })).toEqual([]);
    expect(await runningWith({ ids })).toEqual([]);
    expect(await runningWith({ filter: { state: "dead" } }, "others")).toEqual([]);
    bench.advance(1000);
    const second = await replays.create("twice", { canary: 1, ids: ids.slice(0, 4) });
    expect(await runningWith({ ids: ids.slice(3) })).toEqual([second.id]);
    expect(await runningWith({ ids: ids.slice(4) })).toEqual([]);
    await replays.abort("twice", second.id);
    expect(await runningWith({ ids })).toEqual([]);
    await bench.deliverAll();
    await replays.continueAll();
    expect(await replays.get("twice", first.id)).toMatchObject({ state: "running", unsent: 0 });
    expect(await runningWith({ filter: { state: "dead" } })).toEqual([]);
  });

  const value = fc.option(fc.constantFrom("a", "b"), { nil: undefined });
  const time = fc.option(fc.nat(3), { nil: undefined });
  const filter = fc.record({ type: value, group: value, parent: value, q: value, from: time, to: time });
  const letter = fc.record({ type: fc.constantFrom("a", "b"), group: fc.constantFrom("a", "b"), parent: fc.constantFrom("a", "b"), at: fc.nat(3) });

  test("never calls two filters apart that one dead letter fits", () => {
    const fits = ({ type, group, parent, from = 0, to = 9 }: ReplayFilter, of: { type: string; group: string; parent: string; at: number }) =>
      [type ?? of.type, group ?? of.group, parent ?? of.parent].join() === [of.type, of.group, of.parent].join() && of.at >= from && of.at < to;
    fc.assert(
      fc.property(filter, filter, letter, (one, other, of) => {
        if (fits(one, of) && fits(other, of)) expect(mayOverlap({ filter: one }, { filter: other })).toBe(true);
        expect(mayOverlap({ filter: one }, { filter: other })).toBe(mayOverlap({ filter: other }, { filter: one }));
      }),
    );
  });

  test("calls two filters apart that differ in a field or whose times do not meet", () => {
    const apart = (one: ReplayFilter, other: ReplayFilter) => !mayOverlap({ filter: one }, { filter: other });
    expect([apart({ group: "a" }, { group: "b" }), apart({ to: 5 }, { from: 5 }), apart({ from: 5 }, { type: "x", to: 5 })]).toEqual([true, true, true]);
    expect([apart({ group: "a" }, { type: "x" }), apart({ to: 6 }, { from: 5 })]).toEqual([false, false]);
  });
});

describe("a replay by the parent of its jobs", () => {
  test("brings back the dead children alone, by the tick too; an earlier release finds none to send", async () => {
    const { bench, replays } = setUp();
    const [parent] = await givenDead("family", 1);
    const request = { canary: 2, filter: { parent: parent?.id ?? "" } };
    await givenDead("family", 7, { parent: request.filter.parent });
    expect(await replays.plan("family", request)).toMatchObject({ total: 7 });
    const { id } = await replays.create("family", request);
    expect(await replays.earlier("family", id, request)).toMatchObject({ isSame: true, view: { sent: 2, filter: request.filter, ids: null } });
    expect(await bench.all("SELECT request ->> '$.ids' AS ids FROM replays WHERE id = ?", id)).toEqual([{ ids: "[]" }]);
    await bench.deliverAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("family", id)).toMatchObject({ state: "done", succeeded: 7, failed: 0 });
    expect(await states("family")).toEqual({ done: 7, dead: 1 });
  });
});

describe("the list of replays", () => {
  test("counts the rest of one stopped replay anew, and only after ten minutes", async () => {
    const { bench, replays, during, counts } = setUp();
    await givenDead("many-stopped", 300);
    for (let count = 0; count < 20; count++) {
      const { id } = await replays.create("many-stopped", { canary: 1, filter: { state: "dead" } });
      await bench.deliverAll();
      await replays.abort("many-stopped", id);
      bench.advance(1000);
    }
    const listed = async () => {
      counts.read = 0;
      const { result, statements } = await during(() => replays.list("many-stopped", { limit: 50 }));
      return { unsent: result.replays.map(({ unsent }) => unsent), read: counts.read, statements };
    };
    const fresh = await listed();
    expect(fresh.unsent.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 20 }, (_, index) => 280 + index));
    expect(fresh).toMatchObject({ statements: 1 });
    expect(fresh.read).toBeLessThan(150);
    bench.advance(600_000);
    const stale = await listed();
    expect(stale.read).toBeLessThan(150 + 3 * 300);
    expect(stale.statements).toBeLessThan(6);
    for (let count = 1; count < 20; count++) await listed();
    expect(await listed()).toEqual({ unsent: Array.from({ length: 20 }, () => 280), read: fresh.read, statements: 1 });
  });

  test("goes page by page, newest first, of one tenant or of all, and says what each replays and who began it", async () => {
    const { bench, replays } = setUp();
    await givenDead("list-a", 6);
    const [letter] = await givenDead("list-b", 1);
    await env.DB.prepare("INSERT INTO tokens (tenant, id, name, scopes, created) VALUES ('list-a', 't7', 'night shift', '[]', 0) ON CONFLICT DO NOTHING").run();
    const made: string[] = [];
    for (let count = 0; count < 3; count++) {
      const begun = await replays.create("list-a", { filter: { type: "scripted" }, patch: { text: "x" }, canary: 1 }, undefined, "t7");
      expect(begun.actorName).toBe("night shift");
      made.unshift(begun.id);
      bench.advance(1000);
    }
    const other = await replays.create("list-b", { ids: [letter?.id ?? ""] }, undefined, "root");
    const walked = async (tenant: string | null) => {
      const found = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page = await replays.list(tenant, { limit: 2, cursor: cursor ?? undefined });
        found.push(...page.replays);
        cursor = page.cursor;
      }
      return found;
    };
    expect((await walked("list-a")).map(({ id }) => id)).toEqual(made);
    expect((await walked(null)).map(({ id }) => id)).toEqual([other.id, ...made]);
    expect((await walked("list-a"))[0]).toMatchObject({
      ...{ tenant: "list-a", filter: { type: "scripted" }, ids: null, patched: ["text"], actor: "t7", actorName: "night shift" },
    });
    expect((await walked("list-b"))[0]).toMatchObject({ tenant: "list-b", filter: null, ids: 1, patched: [], actor: "root", actorName: null });
    expect(await walked("list-c")).toEqual([]);
  });
});
