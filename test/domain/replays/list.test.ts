import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReplayFilter, ReplayRequest } from "../../../src/domain/replays/model";
import { mayOverlap } from "../../../src/domain/replays/plan";
import { givenDead, setUp, states, useReplays } from "../../support/replays";

useReplays();

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

  test("sends none again after an earlier release took a step of it", async () => {
    const { bench, replays } = setUp();
    const [parent] = await givenDead("family-old", 1);
    const filter = { parent: parent?.id ?? "" };
    await givenDead("family-old", 7, { parent: filter.parent });
    const { id } = await replays.create("family-old", { filter, canary: 2 });
    await bench.deliverAll();
    await env.DB.prepare("UPDATE replays SET cursor = '0' WHERE id = ?").bind(id).run();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("family-old", id)).toMatchObject({ state: "done", sent: 2, unsent: 0 });
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
