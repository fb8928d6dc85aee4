import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Envelope, type Pack, parseEnvelope } from "../../../src/queue/envelope";
import { maxPackBytes, packed, type Sendable } from "../../../src/queue/send/pack";

const maxJobs: Record<string, number> = { many: 25, two: 2, one: 1 };
const bytesOf = (body: unknown) => new TextEncoder().encode(JSON.stringify(body)).length;
const groupOf = ({ envelope: { tenant, type, queue }, delaySeconds }: Sendable) => [tenant, type, queue, delaySeconds].join("/");

/** Payloads as they travel: JSON texts, of characters that take one to three bytes, and of those that are escaped once more. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 490, unit: fc.constantFrom('"', "\\", "\n", "é", "€", "\u0001", "a") }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 61_000 }).map((length) => "x".repeat(length)) },
);
const optional = { nil: undefined, freq: 4 };
const item = fc.record({
  tenant: fc.constantFrom("a", "b"),
  type: fc.constantFrom("many", "many", "two", "one"),
  queue: fc.constantFrom("events", "deliveries"),
  delaySeconds: fc.constantFrom(0, 0, 30),
  text,
  isStored: fc.constantFrom(false, false, false, true),
  single: fc.option(fc.boolean(), optional),
  fp: fc.option(fc.string({ minLength: 52, maxLength: 52 }), optional),
  seq: fc.nat(3),
});
const items = fc.array(item, { maxLength: 80, size: "max" }).map((all) =>
  all.map(({ tenant, type, queue, delaySeconds, text: data, isStored, single, fp, seq }, index): Sendable => {
    const id = `job-${String(index).padStart(40, "0")}`;
    const payload = isStored ? { ref: `a/${id}/sha` } : { payload: JSON.stringify({ data }) };
    const envelope: Envelope = { v: 1, id, seq, type, version: 1, tenant, queue, at: 1, ...payload, ...(fp === undefined ? {} : { fp }) };
    return { envelope, delaySeconds, single };
  }),
);

describe("packing", () => {
  test("puts each job into exactly one message, in its order, within the bounds", () => {
    fc.assert(
      fc.property(items, (all) => {
        const messages = packed(all, (type) => maxJobs[type] ?? 1);
        expect(new Set(messages.flatMap((message) => message.items))).toEqual(new Set(all));
        expect(messages.flatMap((message) => message.items)).toHaveLength(all.length);
        for (const { items: carried, queue, delaySeconds, bytes, body } of messages) {
          const [first] = carried as [Sendable];
          expect(new Set(carried.map(groupOf)).size).toBe(1);
          expect([queue, delaySeconds]).toEqual([first.envelope.queue, first.delaySeconds]);
          expect(bytesOf(body)).toBeLessThanOrEqual(bytes);
          if (carried.length === 1) expect(body).toBe(first.envelope);
          else {
            expect(carried.length).toBeLessThanOrEqual(maxJobs[first.envelope.type] ?? 0);
            expect(bytesOf(body)).toBeLessThanOrEqual(maxPackBytes);
            expect(carried.filter(({ envelope, single }) => single || envelope.ref !== undefined)).toEqual([]);
          }
        }
        // Those that may travel together keep their order, message after message.
        const together = (each: Sendable) => !each.single && each.envelope.ref === undefined;
        const orderOf = (given: readonly Sendable[]) => Map.groupBy(given.filter(together), groupOf);
        expect(orderOf(messages.flatMap((message) => message.items))).toEqual(orderOf(all));
      }),
    );
  });

  test("is undone by reading: the same jobs in the same order", () => {
    fc.assert(
      fc.property(items, (all) => {
        for (const { body, items: carried } of packed(all, (type) => maxJobs[type] ?? 1)) {
          const parsed = parseEnvelope(JSON.parse(JSON.stringify(body)));
          expect(parsed).toEqual({ kind: "jobs", jobs: carried.map(({ envelope }) => envelope) });
        }
      }),
    );
  });

  test("fills messages: a hundred short jobs of one kind go in four", () => {
    const short = (n: number): Sendable => ({
      envelope: { v: 1, id: `job-${n}`, seq: 0, type: "many", version: 1, tenant: "a", queue: "events", at: 1, payload: "{}" },
      delaySeconds: 0,
    });
    const messages = packed(
      Array.from({ length: 100 }, (_, n) => short(n)),
      () => 25,
    );
    expect(messages.map((message) => message.items.length)).toEqual([25, 25, 25, 25]);
  });
});

describe("a body of version 2", () => {
  const job = { v: 1, id: "x", seq: 0, type: "many", version: 1, at: 1, payload: "{}" };
  const pack: Pack = { v: 2, id: "x", tenant: "a", queue: "events", jobs: [job as Envelope] };

  test("is left to a newer deployment by the parser of releases before packs", () => {
    // What that parser asked of a body before it took it for one of a newer deployment: a version above 1, an id and a tenant.
    expect(pack).toMatchObject({ v: 2, id: expect.any(String), tenant: expect.any(String) });
    expect(Object.hasOwn(pack, "payload") || Object.hasOwn(pack, "type")).toBe(false);
  });

  test.each([
    ["a job of a newer shape", { ...pack, jobs: [job, { ...job, v: 3 }] }],
    ["a job that is none", { ...pack, jobs: [job, null] }],
    ["a job without a payload", { ...pack, jobs: [{ ...job, payload: undefined }] }],
    ["no jobs", { ...pack, jobs: [] }],
    ["more than a batch may have", { ...pack, jobs: Array.from({ length: 251 }, () => job) }],
    ["no list", { ...pack, jobs: { 0: job } }],
  ])("with %s is left to a newer deployment whole", (_name, body) => {
    expect(parseEnvelope(body)).toEqual({ kind: "future", version: 2 });
  });

  test("names tenant and queue for all its jobs: what a job says of them does not count", () => {
    const parsed = parseEnvelope({ ...pack, jobs: [{ ...job, tenant: "b", queue: "deliveries" }] });
    expect(parsed).toMatchObject({ kind: "jobs", jobs: [{ tenant: "a", queue: "events" }] });
  });
});
