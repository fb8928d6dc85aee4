import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { backoff, maxQueueDelaySeconds, redelivery } from "../../src/queue/backoff";
import { fingerprint } from "../../src/json/canonical";
import { parseEnvelope } from "../../src/queue/envelope";
import { createIds, isDerived, slotOf, timeOf } from "../../src/queue/id";
import { defineJob, job, type Policy } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { redact } from "../../src/masking/redact";
import { createRegistry } from "../../src/queue/registry";
import { isTerminal, states } from "../../src/queue/state";
import { growsTooFast } from "../support/growth";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoff", () => {
  const policy = fc.integer({ min: 1, max: 86_400 }).chain((base) => fc.record({ base: fc.constant(base), cap: fc.integer({ min: base, max: 86_400 }) }));

  test("whole seconds from 1 to the ceiling of that failure", () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 100 }), random, (how, failures, drawn) => {
        const delay = backoff(how, failures, () => drawn);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(1);
        expect(delay).toBeLessThanOrEqual(Math.min(how.cap, how.base * 2 ** (failures - 1)));
      }),
    );
  });

  test("never less than what was asked for, never more than a day", () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 100 }), random, fc.double(), (how, failures, drawn, least) => {
        const delay = backoff(how, failures, () => drawn, least);
        expect(Number.isInteger(delay) && delay >= 1 && delay <= maxQueueDelaySeconds).toBe(true);
        if (least <= maxQueueDelaySeconds) expect(delay).toBeGreaterThanOrEqual(least);
      }),
    );
  });

  test("a redelivery comes after 1 s at first, within 15 min at last", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), random, (deliveries, drawn) => {
        const delay = redelivery(deliveries, () => drawn);
        expect(Number.isInteger(delay) && delay >= 1 && delay <= 900).toBe(true);
        if (deliveries === 1) expect(delay).toBe(1);
        if (deliveries > 10) expect(delay).toBeGreaterThanOrEqual(450);
      }),
    );
  });
});

describe("ids", () => {
  const ids = createIds("the id secret of the engine's tests");
  const tenant = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
  const time = fc.integer({ min: 0, max: 2 ** 47 });

  test("made ones sort by time, tell it, and belong to one tenant", async () => {
    await fc.assert(
      fc.asyncProperty(tenant, tenant, time, time, async (mine, other, at, later) => {
        const [first, second] = [await ids.make(mine, at), await ids.make(mine, later)];
        expect(timeOf(first)).toBe(at);
        if (at !== later) expect(first < second).toBe(at < later);
        expect(await ids.belongs(mine, first)).toBe(true);
        expect(await ids.belongs(other, first)).toBe(mine === other);
        expect(isDerived(first)).toBe(false);
      }),
    );
  });

  test("derived ones follow from all of their parts, and have a place among the others", async () => {
    const parts = fc.array(fc.string(), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(tenant, parts, parts, time, async (mine, some, others, at) => {
        const id = await ids.derive(mine, some);
        expect(await ids.derive(mine, [...some])).toBe(id);
        expect((await ids.derive(mine, others)) === id).toBe(JSON.stringify(some) === JSON.stringify(others));
        expect(await ids.belongs(mine, id)).toBe(true);
        expect(isDerived(id)).toBe(true);
        expect(timeOf(slotOf(id, at))).toBe(at);
      }),
    );
  });

  test("an id with a changed character belongs to no tenant", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 33 }), fc.constantFrom(..."0123456789abcdefghjkmnpqrstvwxyzIlOU!é"), async (place, char) => {
        const id = await ids.make("one", 1_700_000_000_000);
        const changed = id.slice(0, place) + char + id.slice(place + 1);
        expect(await ids.belongs("one", changed)).toBe(changed === id);
      }),
    );
    for (const odd of ["", "x", "0".repeat(34), "0".repeat(33), "é".repeat(34)]) expect(await ids.belongs("one", odd)).toBe(false);
  });

  test("a secret that is too short is refused", () => {
    expect(() => createIds("short")).toThrow("at least 16");
  });
});

test("a fingerprint does not see the order of fields, and sees everything else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (one, other) => {
      expect(await fingerprint(one)).toBe(await fingerprint(shuffled(one)));
      const same = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
      expect((await fingerprint(one)) === (await fingerprint(other))).toBe(same);
    }),
  );
});

test("parseEnvelope takes anything and never throws", () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true }), (body) => {
      const parsed = parseEnvelope(body);
      expect(["jobs", "future", "foreign"]).toContain(parsed.kind);
      if (parsed.kind === "foreign") expect(parsed.raw.isWellFormed() && parsed.raw.length <= 65_536).toBe(true);
    }),
  );
});

describe("the registry", () => {
  const named = (type: string, aliases: string[] = []) => job(defineJob({ type, queue: "events", payload: v.strictObject({}), aliases }), async () => done());

  test("finds by type and alias, nothing else", () => {
    const mail = named("mail", ["post"]);
    const registry = createRegistry([mail, named("sms")]);
    expect([registry.find("mail"), registry.find("post"), registry.find("Mail"), registry.find("toString")]).toEqual([mail, mail, undefined, undefined]);
    expect(registry.contracts().map(({ type }) => type)).toEqual(["mail", "sms"]);
  });

  test.each([
    ["two types", [named("a"), named("a")]],
    ["an alias and a type", [named("a", ["b"]), named("b")]],
    ["two aliases", [named("a", ["c"]), named("b", ["c"])]],
    ["its own type as alias", [named("a", ["a"])]],
  ])("refuses %s of one name at start", (_name, jobs) => {
    expect(() => createRegistry(jobs)).toThrow(/Two jobs are named "[abc]"/);
  });
});

test.each<[string, Partial<Policy> | undefined, string]>([
  ["Mail", undefined, "type must match"],
  ["mail", { maxAttempts: 0 }, "maxAttempts"],
  ["mail", { maxAttempts: 1.5 }, "maxAttempts"],
  ["mail", { timeout: 721 }, "timeout"],
  ["mail", { concurrency: 0 }, "concurrency"],
  ["mail", { backoff: { base: 0, cap: 1 } }, "backoff.base"],
  ["mail", { backoff: { base: 10, cap: 5 } }, "backoff.cap"],
  ["mail", { maxAge: 5 }, "maxAge"],
  ["mail", { maxRuns: 0 }, "maxRuns"],
])("a wrong contract stops the Worker at start: %s %j", (type, policy, reason) => {
  expect(() => defineJob({ type, queue: "events", payload: v.strictObject({}), ...(policy ? { policy } : {}) })).toThrow(reason);
});

describe("redact", () => {
  test.each([
    ["no mailbox anna.müller+shop@exämple.co.uk here", "no mailbox [e-mail] here"],
    ["<anna@example.com>,bob@example.com", "<[e-mail]>,[e-mail]"],
    ["401 for Bearer abc.def-123_456", "401 for Bearer [secret]"],
    ["token jy_one_abcdefgh12345.sig_nature refused", "token [secret] refused"],
    ["key sk-proj-abcdefgh12345678 refused", "key [secret] refused"],
    ["hook xoxb-123456789012-abcdef", "hook [secret]"],
    ["GET https://shop.example/api?ws_key=ABCDEF&x=1 failed", "GET https://shop.example/api?ws_key=[secret]&x=1 failed"],
    ["call +49 (170) 123-4567 back", "call [number] back"],
    ["timed out after 30 s", "timed out after 30 s"],
    ["order 12345678 of 2026-11-21T12:00:00.000Z", "order 12345678 of 2026-11-21T12:00:00.000Z"],
    ["re-established and basically fine", "re-established and basically fine"],
  ])("%s", (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test("half a surrogate pair is replaced", () => expect(redact("half \ud800 a pair")).toBe("half \ufffd a pair"));

  test("whatever stands around it, no address is left; the text stays short and well-formed", () => {
    const address = fc.tuple(fc.stringMatching(/^[a-z0-9._%+-]{1,20}$/), fc.stringMatching(/^[a-z]{2,10}$/)).map(([name, host]) => `${name}@${host}.example`);
    const noise = fc.string({ unit: "binary", maxLength: 2500 });
    fc.assert(
      fc.property(noise, address, noise, address, (before, one, between, other) => {
        const clean = redact(`${before} ${one} ${between} ${other}`);
        expect(clean).not.toMatch(/[a-z0-9._%+-]+@[a-z]{2,10}\.example/);
        expect(clean.length <= 1000 && clean.isWellFormed()).toBe(true);
      }),
    );
  });

  test.each(["a", "a@", "1 ", "Bearer "])("a hostile text costs no more than in proportion to its length: %j, repeated", (part) => {
    expect(growsTooFast((size) => redact(part.repeat(size / part.length)), 50_000)).toBe(false);
  });
});

test("states end or do not", () => {
  expect(states.filter(isTerminal)).toEqual(["done", "cancelled", "discarded", "dead"]);
});

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, field]) => [name, shuffled(field)]),
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .map(([name, field]) => [name, sorted(field)])
    .toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1))
    .concat([["{}", 0]]);
}

test("an envelope whose names would not come back from the ledger as they are is none", () => {
  const envelope = { v: 1, id: "a", seq: 0, type: "email", version: 1, tenant: "own", queue: "events", at: 1, payload: "{}" };
  expect(parseEnvelope(envelope).kind).toBe("jobs");
  for (const name of ["id", "type", "tenant", "queue"])
    for (const odd of ["", "\ud800", "a\u0000b", "two words", "x".repeat(257), 7]) expect(parseEnvelope({ ...envelope, [name]: odd }).kind).toBe("foreign");
});
