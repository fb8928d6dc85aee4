import { beforeEach, describe, expect, test } from "vitest";
import { enqueue } from "../../src/queue/enqueue";
import type { Envelope } from "../../src/queue/envelope";
import { retryNow } from "../../src/queue/operate";
import { type EngineBench, createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

describe("what is refused", () => {
  test.each([
    ["an unknown type", { type: "no-such", payload: {} }, "type"],
    ["a missing field", { payload: {} }, "payload.script"],
    ["an unknown field", { payload: { ...fine, extra: 1 } }, "payload.extra"],
    ["a wrong value below", { payload: { script: [{ do: "dance" }] } }, "payload.script[0].do"],
    ["no object", { payload: "text" }, "payload"],
    ["half a surrogate", { payload: { ...fine, text: "\ud800" } }, "payload.text"],
    ["a payload too deep", { payload: { ...fine, text: nested(70) } }, expect.stringContaining("payload.text")],
    ["both delay and time", { payload: fine, delaySeconds: 1, runAt: 1 }, "runAt"],
    ["half a second", { payload: fine, delaySeconds: 0.5 }, "delaySeconds"],
    ["a negative delay", { payload: fine, delaySeconds: -1 }, "delaySeconds"],
    ["a delay of years", { payload: fine, delaySeconds: 367 * 86_400 }, "delaySeconds"],
    ["no time", { payload: fine, runAt: Number.NaN }, "runAt"],
    ["a time in years", { payload: fine, runAt: Date.UTC(2028, 0) }, "runAt"],
    ["an empty key", { payload: fine, key: "" }, "idempotencyKey"],
    ["a long key", { payload: fine, key: "k".repeat(257) }, "idempotencyKey"],
  ])("%s", async (_name, request, path) => {
    const bench = createEngineBench();
    const [receipt] = await bench.accept([request]);
    expect(receipt).toMatchObject({ ok: false, code: "invalid" });
    expect(receipt?.ok === false && receipt.errors.map((issue) => issue.path)).toContainEqual(path);
    expect(bench.held).toEqual([]);
    expect(await bench.all("SELECT id FROM jobs")).toEqual([]);
  });

  test("each of many on its own", async () => {
    const bench = createEngineBench();
    const receipts = await bench.accept([{ payload: fine }, { payload: {} }, { payload: fine, key: "a" }, { type: "x", payload: fine }]);
    expect(receipts.map(({ ok }) => ok)).toEqual([true, false, true, false]);
    await bench.deliverAll();
    expect(await bench.all("SELECT state FROM jobs")).toEqual([{ state: "done" }, { state: "done" }]);
  });

  test("a queue over its backlog asks to come back later, until the knowledge is old", async () => {
    const bench = createEngineBench();
    bench.engine.backlogLimit = () => 3;
    await bench.accept([fine, fine, fine].map((payload) => ({ payload })));
    const [over] = await bench.accept([{ payload: fine }]);
    expect(over).toMatchObject({ ok: false, code: "too-many-requests", retryAfter: 30 });
    bench.advance(31 * second);
    expect((await bench.accept([{ payload: fine }]))[0]).toMatchObject({ ok: true });
  });
});

describe("times", () => {
  test.each([
    ["now", {}, 0, 0, null],
    ["a minute", { delaySeconds: 60 }, minute, 1, minute],
    ["a quarter of an hour", { delaySeconds: 900 }, 15 * minute, 1, 15 * minute],
    ["a second more waits in the ledger", { delaySeconds: 901 }, 901 * second, 0, 901 * second],
    ["25 hours", { delaySeconds: 25 * 3600 }, 25 * hour, 0, 25 * hour],
    ["the past is now", { runAt: 1 }, 0, 0, null],
    ["a time", { runAt: Date.UTC(2026, 10, 21, 12, 10) }, 10 * minute, 1, 10 * minute],
  ])("%s", async (_name, times, runsAt, messages, due) => {
    const bench = createEngineBench();
    const start = bench.now();
    const id = await bench.acceptOne({ payload: fine, ...times });
    if (runsAt > 0) expect(bench.messagesOf(id)).toHaveLength(messages);
    expect(await bench.row(id)).toMatchObject({ due: due === null ? null : start + due, sent: messages === 0 && runsAt > 0 ? null : start + runsAt });
    if (runsAt > 0) {
      // A message that comes too early is sent back for the rest, and the tick does not hurry either.
      const early = { id: "early", queue: "events", body: bench.messagesOf(id)[0]?.body ?? copyOf(bench, id, await bench.row(id)), at: start, attempts: 0 };
      expect((await bench.deliver([early]))[0]?.answer).toEqual({ retry: Math.min(86_400, runsAt / second) });
      expect(await bench.tick(runsAt - minute > 0 ? runsAt - minute : 0)).toMatchObject({ released: 0, swept: 0 });
      await bench.tick(Math.min(minute, runsAt));
    }
    await bench.deliverAll();
    expect(bench.runs).toEqual([{ id, at: start + runsAt }]);
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("25 hours while the ledger is away ride as far as a message can, then wait in the ledger", async () => {
    const bench = createEngineBench();
    const start = bench.now();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: fine, delaySeconds: 25 * 3600 });
    expect(bench.messagesOf(id).map(({ at }) => at - start)).toEqual([24 * hour]);
    bench.faults.ledger = false;
    bench.advance(24 * hour);
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 3600 } }]);
    await bench.tick(hour);
    await bench.deliverAll();
    expect(bench.runs).toEqual([{ id, at: start + 25 * hour }]);
  });
});

describe("queue and ledger, one of them away", () => {
  test("the ledger: accepted, delivered, adopted", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: { ...fine, siteId: "shop", entity: "order:1" } });
    expect(bench.troubles()).not.toEqual([]);
    expect(await bench.row(id)).toBeNull();
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, site: "shop" });
    expect(await bench.all("SELECT key FROM entities WHERE id = ?", id)).toEqual([{ key: "order:1" }]);
  });

  test.each<[string, { key?: string; delaySeconds?: number }]>([
    ["without a key", {}],
    ["with a key", { key: "k" }],
    ["delayed", { delaySeconds: 600 }],
    ["delayed for hours", { delaySeconds: 7200 }],
  ])("the queue: accepted %s, the tick sends, not before its time", async (_name, request) => {
    const bench = createEngineBench();
    const start = bench.now();
    bench.faults.send = true;
    const id = await bench.acceptOne({ payload: fine, ...request });
    expect(bench.held).toEqual([]);
    bench.faults.send = false;
    const due = (request.delaySeconds ?? 0) * second;
    if (due > 0) expect(await bench.tick(due - minute)).toMatchObject({ released: 0, swept: 0 });
    expect(await bench.tick(minute)).toMatchObject({ released: 1 });
    await bench.deliverAll();
    expect(bench.runs).toEqual([{ id, at: start + Math.max(due, minute) }]);
  });

  test("a queue that stays away is tried again with each tick", async () => {
    const bench = createEngineBench();
    bench.faults.send = true;
    const id = await bench.acceptOne({ payload: fine });
    for (let n = 0; n < 3; n++) await bench.tick(minute);
    bench.faults.send = false;
    await bench.tick(minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(bench.runs).toHaveLength(1);
  });

  test.each<[string, { key?: string; delaySeconds?: number }]>([
    ["without a key", {}],
    ["with a key", { key: "both" }],
    ["delayed", { delaySeconds: 60 }],
    ["delayed for hours", { delaySeconds: 7200 }],
  ])("both: unavailable %s, and sending again is safe", async (_name, request) => {
    const bench = createEngineBench();
    Object.assign(bench.faults, { send: true, ledger: true });
    const [refused] = await bench.accept([{ payload: fine, ...request }]);
    expect(refused).toMatchObject({ ok: false, code: "unavailable", retryAfter: 5 });
    Object.assign(bench.faults, { send: false, ledger: false });
    const id = await bench.acceptOne({ payload: fine, ...request });
    await bench.tick((request.delaySeconds ?? 0) * second);
    await bench.deliverAll();
    expect(bench.runs).toMatchObject([{ id }]);
    expect(await bench.all("SELECT id FROM jobs")).toEqual([{ id }]);
  });

  test("a mixed request: only what neither took is refused", async () => {
    const bench = createEngineBench();
    let inserts = 0;
    bench.faults.ledger = (call) => call === "insert" && inserts++ === 0;
    bench.faults.send = true;
    // The delayed one is written first, and fails; the other one's row stands.
    const receipts = await bench.accept([{ payload: fine, delaySeconds: 7200 }, { payload: fine }]);
    expect(receipts).toMatchObject([{ ok: false, code: "unavailable" }, { ok: true }]);
    expect(await bench.all("SELECT id FROM jobs")).toEqual([{ id: idOf(receipts[1]) }]);
  });

  test("no such queue here: the row waits for a deployment that has it", async () => {
    const bench = createEngineBench();
    const { queue } = bench.engine;
    bench.engine.queue = () => undefined;
    const id = await bench.acceptOne({ payload: fine });
    bench.engine.queue = queue;
    await bench.tick(minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

describe("keys", () => {
  test("the same payload is the same job, in any order of its fields", async () => {
    const bench = createEngineBench();
    const [first] = await bench.accept([{ payload: { script: [{ do: "done" }], text: "a", siteId: "b" }, key: "k" }]);
    const [second_] = await bench.accept([{ payload: { siteId: "b", text: "a", script: [{ do: "done" }] }, key: "k" }]);
    expect(second_).toMatchObject({ ok: true, id: idOf(first), replayed: true });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
    expect((await bench.accept([{ payload: { siteId: "b", text: "a", script: [{ do: "done" }] }, key: "k" }]))[0]).toMatchObject({
      id: idOf(first),
      state: "done",
    });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test("another payload is refused; another tenant or key is another job", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine, key: "k" });
    expect((await bench.accept([{ payload: { ...fine, text: "x" }, key: "k" }]))[0]).toMatchObject({ ok: false, code: "idempotency-mismatch" });
    const others = [await bench.acceptOne({ payload: fine, key: "k", tenant: "two" }), await bench.acceptOne({ payload: fine, key: "l" })];
    expect(new Set([id, ...others]).size).toBe(3);
  });

  test("twice in one request, and with another payload", async () => {
    const bench = createEngineBench();
    const receipts = await bench.accept([
      { payload: fine, key: "k" },
      { payload: fine, key: "k" },
      { payload: { ...fine, text: "x" }, key: "k" },
    ]);
    expect(receipts).toMatchObject([{ ok: true }, { ok: true, id: idOf(receipts[0]) }, { ok: false, code: "idempotency-mismatch" }]);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test("ten at once", async () => {
    const bench = createEngineBench();
    const receipts = await Promise.all(Array.from({ length: 10 }, () => bench.accept([{ payload: fine, key: "k" }])));
    expect(new Set(receipts.flat().map(idOf)).size).toBe(1);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test.each(["dead", "discarded"] as const)("a %s job is brought back, once for ten who ask", async (state) => {
    const bench = createEngineBench();
    const payload = { script: [...(state === "dead" ? [1, 2, 3].map(() => ({ do: "retry" })) : [{ do: "discard" }]), { do: "done" }] };
    const id = await bench.acceptOne({ payload, key: "k" });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state });
    const receipts = await Promise.all(Array.from({ length: 10 }, () => bench.accept([{ payload, key: "k" }])));
    expect(receipts.flat().every((receipt) => receipt.ok && receipt.id === id && receipt.replayed)).toBe(true);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(bench.runs).toHaveLength(state === "dead" ? 4 : 2);
    expect(await bench.all("SELECT * FROM dead_letters")).toEqual([]);
  });

  test("the ledger away while a dead job is brought back: unavailable, not a throw", async () => {
    const bench = createEngineBench();
    const payload = { script: [{ do: "discard" }, { do: "done" }] };
    await bench.acceptOne({ payload, key: "k" });
    await bench.deliverAll();
    bench.faults.ledger = (call) => call === "revive";
    expect((await bench.accept([{ payload, key: "k" }]))[0]).toMatchObject({ ok: false, code: "unavailable" });
  });

  test("a sender who died between row and message sends it with the same call", async () => {
    const bench = createEngineBench();
    bench.faults.send = true;
    bench.faults.ledger = (call) => call === "unsent";
    const id = await bench.acceptOne({ payload: fine, key: "k" });
    Object.assign(bench.faults, { send: false, ledger: false });
    expect(await bench.acceptOne({ payload: fine, key: "k" })).toBe(id);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test.each(["together", "after the first ended", "one by one"] as const)(
    "the ledger away and two payloads under a key, delivered %s: one runs, the other is a dead letter",
    async (how) => {
      const bench = createEngineBench();
      bench.faults.ledger = true;
      const ids = [await bench.acceptOne({ payload: fine, key: "k" }), await bench.acceptOne({ payload: { ...fine, text: "other" }, key: "k" })];
      expect(ids[0]).toBe(ids[1]);
      bench.faults.ledger = false;
      const [first, other] = bench.held.slice();
      if (how === "after the first ended" && first && other) {
        await bench.deliver([first]);
        await bench.deliver([other]);
      }
      if (how === "one by one" && first && other) await Promise.all([bench.deliver([first]), bench.deliver([other])]);
      await bench.deliverAll();
      expect(bench.runs).toHaveLength(1);
      const letters = await bench.all<{ reason: string }>("SELECT reason FROM dead_letters");
      expect(letters).toEqual([{ reason: `its idempotency key belongs to job ${ids[0]}, which has another payload` }]);
      expect(await bench.all("SELECT state FROM jobs ORDER BY state")).toEqual([{ state: "discarded" }, { state: "done" }]);
    },
  );
});

describe("many", () => {
  test("3,000 go in batches of a hundred, in the order they came", async () => {
    const bench = createEngineBench();
    const receipts = await enqueue(
      bench.engine,
      Array.from({ length: 3000 }, (_, n) => ({
        tenant: "one",
        type: "scripted",
        payload: { ...fine, text: `${n}` },
        key: n % 10 === 0 ? `k${n}` : undefined,
      })),
    );
    expect(receipts.every(({ ok }) => ok)).toBe(true);
    expect(bench.sent.map(({ delays }) => delays.length).every((length) => length <= 100)).toBe(true);
    expect(bench.sent).toHaveLength(30);
    const rows = await bench.all<{ id: string; payload: string }>("SELECT id, payload FROM jobs");
    const byId = new Map(rows.map(({ id, payload }) => [id, payload]));
    expect(receipts.every((receipt, n) => byId.get(idOf(receipt))?.includes(`"text":"${n}"`))).toBe(true);
  });

  test("a batch is cut at 256 KB as well", async () => {
    const bench = createEngineBench();
    await bench.accept(Array.from({ length: 20 }, () => ({ payload: { ...fine, text: "ü".repeat(40_000) } })));
    expect(bench.sent.every(({ bytes }) => bytes <= 256_000)).toBe(true);
    expect(bench.held).toHaveLength(20);
    expect(bench.sent).toHaveLength(7);
  });

  test.each(["語", '"', "\\", "\u0001"])("a hundred short payloads are one batch, whatever their characters: %j", async (character) => {
    const bench = createEngineBench();
    // 500 characters of JSON at most.
    const text = character.repeat(Math.floor(455 / (JSON.stringify(character).length - 2)));
    await bench.accept(Array.from({ length: 100 }, (_, n) => ({ tenant: "t".repeat(63), key: `k${n}`, payload: { script: [], text } })));
    expect(bench.sent).toHaveLength(1);
    expect(bench.sent[0]?.bytes).toBeLessThan(250_000 - 100 * 150);
  });

  test("one chunk refused: its jobs are in the ledger", async () => {
    const bench = createEngineBench();
    let chunk = 0;
    bench.faults.send = () => chunk++ === 1;
    const receipts = await bench.accept(Array.from({ length: 300 }, () => ({ payload: fine })));
    expect(receipts.every(({ ok }) => ok)).toBe(true);
    bench.faults.send = false;
    expect(await bench.tick(second)).toMatchObject({ released: 100 });
    expect(bench.held).toHaveLength(300);
  });
});

describe("large payloads", () => {
  const sized = (bytes: number) => ({ ...fine, text: "x".repeat(bytes - JSON.stringify({ ...fine, text: "" }).length) });

  test.each([
    ["95 KB", sized(95 * 1024), false],
    ["96 KB", sized(96 * 1024), false],
    ["a byte more", sized(96 * 1024 + 1), true],
    ["97 KB", sized(97 * 1024), true],
    ["5 MB", sized(5 * 1024 * 1024), true],
    ["33,000 characters of three bytes", { ...fine, text: "€".repeat(33_000) }, true],
    ["90 KB of quotes, which double within a message", { ...fine, text: '"'.repeat(45_000) }, true],
  ])("%s", async (_name, payload, elsewhere) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload });
    const row = await bench.row(id);
    expect(row?.ref !== null).toBe(elsewhere);
    expect(row?.payload === null).toBe(elsewhere);
    if (elsewhere) expect(row?.ref).toMatch(new RegExp(`^one/${id}/[0-9a-f]{64}$`));
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("the store down at accept: unavailable, and nothing is written", async () => {
    const bench = createEngineBench();
    bench.faults.payloads = true;
    expect((await bench.accept([{ payload: sized(100_000) }]))[0]).toMatchObject({ ok: false, code: "unavailable" });
    expect(await bench.all("SELECT id FROM jobs")).toEqual([]);
  });

  test("the store down at run: waits, no attempt burned, no run counted", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: sized(100_000) });
    bench.faults.payloads = true;
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "waiting", attempt: 0, runs: 0, reason: "the payload store cannot be reached" });
    bench.faults.payloads = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("the object gone: a dead letter", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: sized(100_000) });
    bench.engine.payloads.get = () => Promise.resolve(null);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "discarded", reason: "the payload is gone from the payload store" });
  });

  test("the ledger away: adopted without its payload at hand", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: sized(100_000) });
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", ref: expect.any(String) });
  });
});

test("an operator's retry of a job that waits runs it at once, under one chain", async () => {
  const bench = createEngineBench();
  const id = await bench.acceptOne({ payload: fine, delaySeconds: 600 });
  await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
  const start = bench.now();
  await bench.deliverAll();
  expect(bench.runs).toEqual([{ id, at: start }]);
});

function copyOf(bench: EngineBench, id: string, row: unknown): Envelope {
  const { tenant, type, queue, seq, at, version, payload } = row as Envelope & { version: number };
  return { v: 1, id, seq, type, version, tenant, queue, at: at ?? bench.now(), payload: payload ?? "" };
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}
