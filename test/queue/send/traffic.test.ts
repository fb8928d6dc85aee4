import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Receipt } from "../../../src/queue/request";
import { GroupCommit } from "../../../src/group-commit";
import { minInFlight } from "../../../src/queue/send/traffic";
import { type EngineBench, createEngineBench, idOf } from "../../support/engine";
import { jobsIn } from "../../support/history/events";
import { emptyLedger } from "../../support/invariants";

beforeEach(async () => {
  await emptyLedger();
  // Time-outs end when the test ends them.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => void vi.useRealTimers());

/** A millisecond of the fake timers passes with each look. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 1 });

const fine = { script: [{ do: "done" }] };

interface Call {
  ids: string[];
  messages: number;
  bytes: number;
  /** The queue takes it. */
  take(): Promise<void>;
  refuse(): void;
}

/** A queue whose answers the test gives. */
function createSlowQueue(bench: EngineBench): Call[] {
  const calls: Call[] = [];
  const { queue } = bench.engine;
  bench.engine.queue = (name) => {
    const real = queue(name) as Queue;
    const sendBatch: Queue["sendBatch"] = (iterable) => {
      const messages = [...iterable];
      const answer = Promise.withResolvers<QueueSendBatchResponse>();
      calls.push({
        ids: messages.flatMap(({ body }) => jobsIn(body)).map(({ id }) => id),
        messages: messages.length,
        bytes: new TextEncoder().encode(JSON.stringify(messages)).length,
        take: async () => answer.resolve(await real.sendBatch(messages)),
        refuse: () => answer.reject(new Error("Unknown Internal Error (15000)")),
      });
      return answer.promise;
    };
    return { ...real, sendBatch };
  };
  return calls;
}

/** So many senders at once, one job each; resolves when all of them have sent, those behind the first eight together. */
async function sendMany(bench: EngineBench, calls: Call[], count: number, payload: unknown = fine): Promise<Promise<Receipt | undefined>[]> {
  const add = vi.spyOn(GroupCommit.prototype, "add");
  const receipts = Array.from({ length: count }, async () => (await bench.accept([{ payload }]))[0]);
  const group = () => bench.engine.memory.traffic.get("events")?.group;
  await until(() => expect(add.mock.contexts.filter((each) => each === group())).toHaveLength(count - minInFlight));
  add.mockRestore();
  expect(calls).toHaveLength(minInFlight + 1);
  return receipts;
}

describe("sends under way", () => {
  test("up to eight go by themselves; from then on they travel together, at most fifty jobs in a call", async () => {
    const bench = createEngineBench({ ledgerFirst: false });
    const calls = createSlowQueue(bench);
    const receipts = await sendMany(bench, calls, 130);
    expect(calls.map(({ ids }) => ids.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1]);
    await calls[8]?.take();
    await until(() => expect(calls).toHaveLength(10));
    await calls[9]?.take();
    await until(() => expect(calls).toHaveLength(11));
    await calls[10]?.take();
    await until(() => expect(calls).toHaveLength(12));
    expect(calls.slice(9).map(({ ids }) => ids.length)).toEqual([50, 50, 21]);
    for (const call of calls) await call.take();
    const ids = (await Promise.all(receipts)).map(idOf);
    expect(calls.flatMap((call) => call.ids).toSorted()).toEqual(ids.toSorted());
    // 130 jobs in 12 calls. With nothing in flight the next one goes by itself.
    const next = bench.accept([{ payload: fine }]);
    await until(() => expect(calls).toHaveLength(13));
    await calls[12]?.take();
    expect(await next).toMatchObject([{ ok: true }]);
    await bench.settle();
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(131);
  });

  test("those that travel together, or wait for that, count as under way: later senders join them", async () => {
    const bench = createEngineBench({ ledgerFirst: false });
    const calls = createSlowQueue(bench);
    const receipts = await sendMany(bench, calls, 20);
    for (const call of calls.slice(0, minInFlight)) await call.take();
    await Promise.all(receipts.slice(0, minInFlight));
    const add = vi.spyOn(GroupCommit.prototype, "add");
    const later = Array.from({ length: 5 }, () => bench.accept([{ payload: fine }]));
    await until(() => expect(add.mock.contexts.filter((each) => each === bench.engine.memory.traffic.get("events")?.group)).toHaveLength(5));
    add.mockRestore();
    expect(calls).toHaveLength(9);
    await calls[8]?.take();
    await until(() => expect(calls).toHaveLength(10));
    expect(calls[9]?.ids).toHaveLength(16);
    await calls[9]?.take();
    expect((await Promise.all([...receipts, ...later.map(async (each) => (await each)[0])])).every((receipt) => receipt?.ok)).toBe(true);
  });

  test("at most 64,000 bytes travel together", async () => {
    const bench = createEngineBench({ ledgerFirst: false });
    const calls = createSlowQueue(bench);
    const receipts = await sendMany(bench, calls, 40, { ...fine, text: "x".repeat(15_000) });
    for (let taken = 8; taken < calls.length; taken++) {
      await calls[taken]?.take();
      if (calls.flatMap(({ ids }) => ids).length < 40) await until(() => expect(calls.length).toBeGreaterThan(taken + 1));
    }
    expect(Math.max(...calls.map(({ bytes }) => bytes))).toBeLessThanOrEqual(64_000);
    expect(Math.max(...calls.map(({ ids }) => ids.length))).toBe(4);
    for (const call of calls) await call.take();
    expect((await Promise.all(receipts)).every((receipt) => receipt?.ok)).toBe(true);
  });

  test("jobs of a type that travels in packs are packed across their senders", async () => {
    const bench = createEngineBench({ ledgerFirst: false, pack: 25 });
    const calls = createSlowQueue(bench);
    const receipts = await sendMany(bench, calls, 59);
    await calls[8]?.take();
    await until(() => expect(calls).toHaveLength(10));
    expect([calls[9]?.ids.length, calls[9]?.messages]).toEqual([50, 2]);
    for (const call of calls) await call.take();
    expect((await Promise.all(receipts)).every((receipt) => receipt?.ok)).toBe(true);
  });
});

describe("a group that the queue refuses", () => {
  /** Eight in flight, one that leads, and ten that travel together. */
  async function refused() {
    const bench = createEngineBench({ ledgerFirst: false });
    bench.faults.ledger = true;
    const calls = createSlowQueue(bench);
    const receipts = await sendMany(bench, calls, 19);
    await calls[8]?.take();
    await until(() => expect(calls).toHaveLength(10));
    expect(calls[9]?.ids).toHaveLength(10);
    calls[9]?.refuse();
    await until(() => expect(calls).toHaveLength(20));
    expect(calls.slice(10).map(({ ids }) => ids.length)).toEqual(Array.from({ length: 10 }, () => 1));
    return { bench, calls, receipts };
  }

  test("is sent again one by one; unavailable is what neither queue nor ledger took, and nothing else", async () => {
    const { bench, calls, receipts } = await refused();
    calls[10]?.refuse();
    for (const [index, call] of calls.entries()) if (index !== 9 && index !== 10) await call.take();
    const all = await Promise.all(receipts);
    expect(all.filter((receipt) => receipt?.ok)).toHaveLength(18);
    expect(all.filter((receipt) => !receipt?.ok)).toMatchObject([{ code: "unavailable" }]);
    expect(all.flatMap((receipt) => (receipt?.ok ? [receipt.id] : []))).not.toContain(calls[10]?.ids[0]);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(18);
  });

  test("while the ledger is there no caller is refused: the tick sends what the queue did not take", async () => {
    const { bench, calls, receipts } = await refused();
    bench.faults.ledger = false;
    for (const call of calls.slice(10)) call.refuse();
    for (const call of calls.slice(0, 8)) await call.take();
    const all = await Promise.all(receipts);
    expect(all.filter((receipt) => receipt?.ok)).toHaveLength(19);
    expect(await bench.all("SELECT 1 FROM jobs WHERE sent IS NULL")).toHaveLength(10);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(9);
  });
});

test("a group without an answer holds up its own senders for ten seconds at most, and others for three", async () => {
  const bench = createEngineBench({ ledgerFirst: false });
  const calls = createSlowQueue(bench);
  const receipts = Array.from({ length: 9 }, async () => (await bench.accept([{ payload: fine }]))[0]);
  await until(() => expect(calls).toHaveLength(9));
  const behind = Array.from({ length: 3 }, async () => (await bench.accept([{ payload: fine }]))[0]);
  await vi.advanceTimersByTimeAsync(2900);
  expect(calls).toHaveLength(9);
  await vi.advanceTimersByTimeAsync(200);
  await until(() => expect(calls).toHaveLength(10));
  expect(calls[9]?.ids).toHaveLength(3);
  await calls[9]?.take();
  expect((await Promise.all(behind)).every((receipt) => receipt?.ok)).toBe(true);
  // The ninth call gets the answer that the ledger has its job, whose row the tick sends.
  await vi.advanceTimersByTimeAsync(7000);
  const ninth = await receipts[8];
  expect(await bench.row(idOf(ninth))).toMatchObject({ state: "queued", sent: null });
  // Sends of requests that have ended do not count for ever.
  bench.advance(11_000);
  const next = bench.accept([{ payload: fine }]);
  await until(() => expect(calls).toHaveLength(11));
  await calls[10]?.take();
  expect(await next).toMatchObject([{ ok: true }]);
});
