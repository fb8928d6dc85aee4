import * as fc from "fast-check";
import * as v from "valibot";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { builtInNames } from "../../../src/domain/destinations/model";
import { eventPayload, happenedAt, type Fact, eventKey } from "../../../src/domain/events/model";
import { entitiesOf } from "../../../src/domain/events/catalogue";
import { eraseAbout } from "../../../src/domain/events/erase";
import { createFacts } from "../../../src/domain/events/capability";
import { filterSchema, refusedBy } from "../../../src/domain/destinations/filter";
import { chatMessage } from "../../../src/domain/events/slack-text";
import { mask } from "../../../src/masking/personal";
import { check } from "../../../src/queue/validate";

const pathsOf = (event: unknown) => {
  const checked = check(eventPayload, event);
  return checked.ok ? [] : checked.issues.map(({ path }) => path).toSorted();
};
const good = { id: "e-1", type: "lead.created", data: { id: "1" } };

describe("an event", () => {
  test.each<[unknown, string[]]>([
    [{}, ["id", "type"]],
    [{ ...good, id: "" }, ["id"]],
    [{ ...good, id: "x".repeat(129) }, ["id"]],
    [{ ...good, id: "a\nb" }, ["id"]],
    [{ ...good, type: "lead created" }, ["type"]],
    [{ ...good, type: "job.done" }, ["type"]],
    [{ ...good, timestamp: "yesterday" }, ["timestamp"]],
    [{ ...good, timestamp: "2026-10-01T12:00:00" }, ["timestamp"]],
    [{ ...good, timestamp: "2026-13-01T12:00:00Z" }, ["timestamp"]],
    [{ ...good, timestamp: 5 }, ["timestamp"]],
    [{ ...good, data: [] }, ["data"]],
    [{ ...good, data: {} }, ["data.id"]],
    [{ ...good, data: { id: "a b", score: "high", test: 1 } }, ["data.id", "data.score", "data.test"]],
    [{ ...good, data: { id: "1", email: 7 } }, ["data.email"]],
    [{ ...good, extra: 1 }, ["extra"]],
  ])("%j is wrong in %j", (event, paths) => expect(pathsOf(event)).toEqual(paths));

  test("repeats nothing of what it refuses", () => {
    expect(JSON.stringify(check(eventPayload, { ...good, data: { id: "ada@example.com", score: "ada" } }))).not.toContain("ada");
  });

  test.each([
    { ...good, data: { id: 4711, email: null, utm: { a: [1] } } },
    { ...good, timestamp: "2026-10-01t12:00:00.123456z" },
    { ...good, timestamp: 1_790_000_000_000 },
    { id: "1", type: "tour.booked" },
  ])("%j is right", (event) => expect(pathsOf(event)).toEqual([]));

  test("reads the same when it is read again", () => {
    const once = v.parse(eventPayload, { ...good, data: { id: 4711 }, timestamp: 1_790_000_000_000 });
    expect(v.parse(eventPayload, once)).toEqual(once);
    expect(once).toMatchObject({ data: { id: "4711" }, timestamp: "2026-09-21T14:13:20.000Z" });
  });

  test("is masked in its data", () => {
    expect(mask(eventPayload, v.parse(eventPayload, { ...good, data: { id: "1", name: "Ada" } }))).toEqual({ ...good, data: { id: "•••", name: "•••" } });
  });

  test("from the future happens now", () => {
    expect([happenedAt({ timestamp: "2026-10-01T12:00:00Z" }, 5), happenedAt({}, 7)]).toEqual([5, 7]);
  });

  test.each<[string, object, string | undefined, string[]]>([
    ["lead.created", { id: "1" }, undefined, ["lead:1"]],
    ["offer.submitted", { id: "o", leadId: "1" }, undefined, ["offer:o", "lead:1"]],
    ["tour.booked", { id: "1" }, "lead:9", ["lead:9"]],
    ["tour.booked", { id: "1" }, "Ada", []],
  ])("%s %j is about %j: %j", (type, data, subject, keys) => expect(entitiesOf({ type, data: data as never, subject })).toEqual(keys));
});

test("ids of different sources are different keys, short enough for any", async () => {
  const keyed = await Promise.all(
    [{ id: "1" }, { id: "1", source: "/a" }, { id: "1", source: "/b" }, { id: "x".repeat(128), source: "s".repeat(512) }].map(eventKey),
  );
  expect(new Set(keyed.map(({ own }) => JSON.stringify(own))).size).toBe(4);
  expect(new Set(keyed.map(({ formerKey }) => formerKey)).size).toBe(4);
  for (const { formerKey = "" } of keyed) expect(formerKey.length).toBeLessThanOrEqual(256);
});

describe("a filter", () => {
  const data = { project: "a", score: 50, nested: { deep: { flag: true } }, gone: null };
  test.each<[object, string | undefined]>([
    [{ project: { eq: "a" } }, undefined],
    [{ project: { eq: "b" } }, "project"],
    [{ project: { ne: "a" } }, "project"],
    [{ project: { in: ["b", "a"] } }, undefined],
    [{ score: { gte: 50, lte: 50 } }, undefined],
    [{ score: { gte: 51 } }, "score"],
    [{ project: { gte: 1 } }, "project"],
    [{ "nested.deep.flag": { eq: true } }, undefined],
    [{ gone: { exists: true } }, "gone"],
    [{ gone: { exists: false }, missing: { exists: false } }, undefined],
    [{ toString: { exists: true } }, "toString"],
    [{ "project.length": { eq: 1 } }, "project.length"],
  ])("%j stops at %j", (filter, field) => expect(refusedBy(v.parse(filterSchema, filter), data)).toBe(field));

  test.each([{}, { a: {} }, { "a b": { eq: 1 } }, { a: { like: "x" } }, { a: { in: [] } }])("%j is none", (filter) =>
    expect(v.is(filterSchema, filter)).toBe(false),
  );
});

test("a chat message escapes what a stranger wrote, on one line a field", () => {
  const { text, blocks } = chatMessage({
    type: "lead.created",
    data: { id: "1", name: "<!channel> & *co*", email: "ada_l@example.com", message: "_a_\n~b~ `c` https://evil.example www.evil.example" },
  });
  expect(text).toBe(
    "*New lead*\nName: &lt;!channel&gt; &amp; ∗co∗\nE-mail: ada_l@example.com\nMessage: ˍaˍ ∼b∼ ˋcˋ https:\u200b//evil.example www.\u200bevil.example\nLead: 1",
  );
  const lines = ["Name: <!channel> & *co*", "E-mail: ada_l@example.com", "Message: _a_ ~b~ `c` https://evil.example www.evil.example", "Lead: 1"];
  const elements = [{ type: "text", text: "New lead", style: { bold: true } }, ...lines.map((line) => ({ type: "text", text: `\n${line}` }))];
  expect(blocks).toEqual([{ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }]);
});

test("a chat message names the silent project and the minutes of silence; a payload without them is refused", () => {
  const silence = { project: "homes", minutesWithoutLeads: 30, lastLeadAt: "2026-11-21T12:00:00.000Z", threshold: 30 };
  expect(chatMessage({ type: "lead.silence", data: silence }).text).toBe(
    "*No leads*\nProject: homes\nMinutes without a lead: 30\nLast lead: 2026-11-21T12:00:00.000Z",
  );
  expect(chatMessage({ type: "lead.silence", data: { ...silence, lastLeadAt: null } }).text).toContain("Last lead: never");
  expect(pathsOf({ id: "1", type: "lead.silence", data: silence })).toEqual([]);
  expect(pathsOf({ id: "1", type: "lead.silence", data: {} })).toEqual(["data.minutesWithoutLeads", "data.project"]);
  expect(entitiesOf({ type: "lead.silence", data: silence })).toEqual(["project:homes"]);
});

test("names of built-in destinations are names", () => {
  for (const name of builtInNames) expect(name).toMatch(/^[a-z0-9-]{1,63}$/);
});

describe("facts", () => {
  const facts = createFacts(env.DB);
  let count = 0;

  test("the state does not depend on the order in which facts come in", async () => {
    const fact = fc.record({
      at: fc.integer({ min: 1, max: 5 }),
      event: fc.constantFrom("a", "b", "c"),
      data: fc.dictionary(fc.constantFrom("x", "y", "z"), fc.integer()),
    });
    const set = fc.uniqueArray(fact, { selector: ({ at, event }) => `${at} ${event}`, minLength: 1, maxLength: 6 });
    const pair = set.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    await fc.assert(
      fc.asyncProperty(pair, async ([ordered, shuffled]) => {
        const states = [];
        for (const list of [ordered, shuffled]) {
          const tenant = `facts-${++count}`;
          for (const each of [...list, list[0]!]) await facts.add(tenant, { entity: "lead:1", type: "t", ...each });
          states.push(await facts.stateOf(tenant, "lead:1"));
        }
        expect(states[0]).toEqual(states[1]);
        expect(states[0]?.version).toBe(ordered.length);
      }),
      { numRuns: 20 },
    );
  });

  test("a row whose time is out of range keeps no other from being read", async () => {
    for (const at of [1, Number.MAX_SAFE_INTEGER]) await facts.add("late", { entity: "lead:1", at, event: `e${at}`, type: "t", data: {} });
    const read = await facts.list("late", "lead:1");
    expect(read.map(({ at }) => new Date(at).getUTCFullYear())).toEqual([1970, 9999]);
  });

  test("erasing takes what the store and the CRM hold of the things named, of this tenant only", async () => {
    const add = (tenant: string, entity: string) => facts.add(tenant, { entity, at: 1, event: "e", type: "t", data: { a: 1 } } satisfies Fact);
    for (const tenant of ["erase-a", "erase-b"]) for (const entity of ["lead:1", "crm lead:1", "lead:2"]) await add(tenant, entity);
    expect([
      await eraseAbout(env.DB, "erase-a", { entities: [], keys: [], countries: [] }),
      await eraseAbout(env.DB, "erase-a", { entities: ["lead:1"], keys: [], countries: [] }),
    ]).toEqual([0, 2]);
    const left = await Promise.all(["erase-a", "erase-b"].map((tenant) => facts.list(tenant, "lead:1")));
    expect(left.map((each) => each.length)).toEqual([0, 1]);
  });
});
