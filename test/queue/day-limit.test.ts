import { beforeEach, describe, expect, test } from "vitest";
import { dayLimitIn } from "../../src/d1";
import { secondsHeld } from "../../src/queue/day-limit";
import { withRetry } from "../../src/queue/with-retry";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };
const hour = 3600;
const refusal = (what: string) =>
  `D1_ERROR: Your account has exceeded D1's free tier daily row ${what} limit. Upgrade to a paid plan or wait until tomorrow (midnight UTC) to continue.`;

/** A ledger whose every call is refused so, from that hour of the day on. */
function spent(message: string, hourOfDay: number) {
  const bench = createEngineBench({ start: Date.UTC(2026, 10, 21) + hourOfDay * hour * 1000, ledgerFirst: false, random: () => 0 });
  const { ledger } = bench.engine;
  let isSpent = true;
  let calls = 0;
  const refuse = () => (calls++, Promise.reject(new Error(message)));
  bench.engine.ledger = new Proxy(ledger, { get: (target, name) => (isSpent ? refuse : target[name as keyof typeof target]) });
  return { bench, lift: () => (isSpent = false), calls: () => calls };
}

test("the limits of a day differ from other refusals", () => {
  expect([refusal("read"), refusal("write"), "D1_ERROR: D1 DB is overloaded. Too many requests queued."].map(dayLimitIn)).toEqual(["read", "write", undefined]);
});

describe("while the day's limit of D1 is used up", () => {
  test.each([
    ["an hour at a time", 12, hour],
    ["until midnight UTC when that is nearer", 23.5, hour / 2],
  ])("a message waits %s", async (_name, hourOfDay, seconds) => {
    const { bench } = spent(refusal("write"), hourOfDay);
    await bench.acceptOne({ payload: fine });
    const [answered] = await bench.deliver(bench.held.slice());
    expect(answered?.answer).toEqual({ retry: seconds });
  });

  test("it is delivered 24 times in a day, and runs once the day is over", async () => {
    const { bench, lift } = spent(refusal("write"), 0);
    const id = await bench.acceptOne({ payload: fine });
    let deliveries = 0;
    for (; bench.now() < Date.UTC(2026, 10, 22); deliveries++) {
      await bench.deliver(bench.held.slice());
      bench.advance((bench.held[0]?.at ?? 0) - bench.now());
    }
    expect(deliveries).toBe(24);
    lift();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("jobs are accepted, with a key too", async () => {
    const { bench } = spent(refusal("write"), 12);
    expect(await bench.accept([{ payload: fine }, { payload: fine, key: "k" }])).toMatchObject([{ ok: true }, { ok: true }]);
  });

  test("what a run would record is asked for once, not four times", async () => {
    const { bench, calls } = spent(refusal("write"), 12);
    await expect(withRetry(bench.engine, "settle", () => bench.engine.ledger.insert([]))).rejects.toThrow("daily row write limit");
    expect(calls()).toBe(1);
  });

  test("another refusal keeps its short pauses", async () => {
    const { bench } = spent("D1_ERROR: Network connection lost.", 12);
    await bench.acceptOne({ payload: fine });
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 1 } }]);
  });

  test("a minute after the last refusal no message is held any more", async () => {
    const { bench, lift } = spent(refusal("write"), 12);
    await bench.acceptOne({ payload: fine });
    await bench.deliver(bench.held.slice());
    lift();
    expect(secondsHeld(bench.engine)).toBe(hour);
    bench.advance(60_000);
    expect(secondsHeld(bench.engine)).toBe(0);
  });
});
