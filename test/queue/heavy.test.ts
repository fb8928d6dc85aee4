import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { createLedger } from "../../src/ledger/ledger";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { recordingDb } from "../support/recorder";

beforeEach(emptyLedger);

const second = 1000;
const minute = 60 * second;
const width = 10;

const contract = defineJob({
  type: "paced",
  queue: "events",
  payload: v.strictObject({ name: v.string(), urgent: v.boolean() }),
  policy: { concurrency: width, timeout: 60, maxAttempts: 3 },
  urgent: ({ urgent }) => urgent,
});

/** Runs of tenant `a` go in rounds of ten and take `slowMs`, all others no time. `order`: names as they started. */
function createPaced(slowMs: number, options: Parameters<typeof createEngineBench>[0] = {}) {
  const order: string[] = [];
  let round = { size: 0, end: Promise.withResolvers<void>() };
  const bench = createEngineBench({
    ...options,
    jobs: [
      job(contract, async ({ name }, { tenant }) => {
        order.push(name);
        if (tenant === "a" && slowMs > 0) {
          const mine = round;
          if (++mine.size === width) {
            round = { size: 0, end: Promise.withResolvers<void>() };
            bench.advance(slowMs);
            mine.end.resolve();
          }
          await mine.end.promise;
        }
        return done();
      }),
    ],
  });
  const put = (tenant: string, count: number, urgent = false) =>
    bench.accept(Array.from({ length: count }, (_, n) => ({ tenant, type: "paced", payload: { name: `${tenant}${n}`, urgent } })));
  const on = (queue: string): Held[] => bench.held.filter((each) => each.queue === queue && each.at <= bench.now());
  /** One batch of a queue, as the platform hands it over. */
  const batch = (queue: string, size = queue === "overflow" ? 25 : 50) => bench.deliver(on(queue).slice(0, size));
  const marks = () => bench.all<{ tenant: string; queue: string; seen: number }>("SELECT tenant, queue, seen FROM heavy_tenants");
  return { bench, order, put, on, batch, marks };
}

describe("a batch that cannot finish a tenant's jobs in four seconds", () => {
  test("releases those not started, and the next one runs another tenant's before any of them", async () => {
    const { bench, order, put, on, batch, marks } = createPaced(4 * second);
    await put("a", 60);
    await put("b", 1);
    await batch("events");
    expect(order).toHaveLength(width);
    expect(await marks()).toMatchObject([{ tenant: "a", queue: "events" }]);
    expect(await bench.all("SELECT state, runs, attempt, count(*) AS n FROM jobs WHERE tenant = 'a' GROUP BY 1, 2, 3 ORDER BY 1")).toEqual([
      { state: "done", runs: 1, attempt: 0, n: 10 },
      { state: "queued", runs: 0, attempt: 0, n: 50 },
    ]);
    await batch("events");
    expect(order.slice(width)).toEqual(["b0"]);
    bench.advance(second);
    await batch("events");
    expect(order).toHaveLength(width + 1);
    expect(on("events")).toEqual([]);
    expect(on("overflow")).toHaveLength(50);
  });

  test("and whose queue holds nothing more finishes them", async () => {
    const { order, put, on, batch, marks } = createPaced(4 * second);
    await put("a", 50);
    await batch("events");
    expect(order).toHaveLength(50);
    expect(await marks()).toEqual([]);
    expect(on("overflow")).toEqual([]);
  });

  test("goes on with those of other tenants", async () => {
    const { order, put, batch } = createPaced(4 * second);
    await put("a", 40);
    await put("b", 15);
    await batch("events");
    expect(order.filter((name) => name.startsWith("b"))).toHaveLength(10);
  });

  test("is one whose runs tell it before the time is over", async () => {
    const { order, put, batch, marks } = createPaced(2100);
    await put("a", 60);
    await batch("events");
    expect(order).toHaveLength(width);
    expect(await marks()).toHaveLength(1);
  });

  test("uses its time", async () => {
    const { order, put, batch, marks } = createPaced(second);
    await put("a", 60);
    await batch("events");
    expect(order).toHaveLength(4 * width);
    expect(await marks()).toHaveLength(1);
  });
});

test("jobs of a batch run tenants in turn", async () => {
  const { order, put, batch } = createPaced(0);
  await put("a", 30);
  await put("b", 2);
  await put("c", 2);
  await batch("events");
  expect(order.slice(0, 6).map((name) => name[0])).toEqual(["a", "b", "c", "a", "b", "c"]);
});

describe("a tenant that is not heavy pays nothing:", () => {
  test("no round trip, no statement and no row more, and no queue is asked", async () => {
    const { db, counts } = recordingDb();
    const { bench, put, batch } = createPaced(300, { db });
    let asked = 0;
    const { queue } = bench.engine;
    bench.engine.queue = (name) => {
      const producer = queue(name);
      return producer && { ...producer, metrics: () => (asked++, producer.metrics()) };
    };
    await put("a", 60);
    const before = { ...counts };
    await batch("events");
    expect(asked).toBe(0);
    expect(counts.written - before.written).toBe(100);
  });
});

describe("jobs of a heavy tenant", () => {
  const heavy = async (bench: EngineBench, tenant = "a") => bench.engine.ledger.markHeavy({ tenant, queue: "events" }, bench.now());

  test("are forwarded as they came, without a claim and without a row written", async () => {
    const { db, counts } = recordingDb();
    const { bench, order, put, on, batch } = createPaced(0, { db });
    await put("a", 30);
    await put("b", 1);
    await heavy(bench);
    const sent = on("events").map(({ body }) => body);
    const before = counts.written;
    await batch("events");
    expect(order).toEqual(["b0"]);
    // Claim and settle of the one.
    expect(counts.written - before).toBe(2);
    expect(on("overflow").map(({ body }) => body)).toEqual(sent.slice(0, 30));
    expect(await bench.all("SELECT DISTINCT state, seq, runs FROM jobs WHERE tenant = 'a'")).toEqual([{ state: "queued", seq: 0, runs: 0 }]);
    await batch("overflow");
    await batch("overflow");
    expect(order).toHaveLength(31);
    expect(bench.held).toEqual([]);
  });

  test("that are urgent stay where they are", async () => {
    const { bench, order, put, on, batch } = createPaced(0);
    await put("a", 3);
    await put("a", 2, true);
    await heavy(bench);
    await batch("events");
    expect(order).toHaveLength(2);
    expect(on("overflow")).toHaveLength(3);
  });

  test("on another queue stay there", async () => {
    const { bench, order, put, batch } = createPaced(0);
    await put("a", 3);
    await bench.engine.ledger.markHeavy({ tenant: "a", queue: "deliveries" }, bench.now());
    await batch("events");
    expect(order).toHaveLength(3);
  });

  test("that the ledger has no row of are forwarded, and get it there", async () => {
    const { bench, order, put, batch } = createPaced(0);
    bench.engine.ledgerFirst = false;
    bench.faults.ledger = (call) => call === "insert";
    await put("a", 3);
    bench.faults.ledger = false;
    await heavy(bench);
    await batch("events");
    expect(order).toEqual([]);
    await batch("overflow");
    expect(order).toHaveLength(3);
    expect(await bench.all("SELECT DISTINCT state FROM jobs")).toEqual([{ state: "done" }]);
  });

  test("run once though a Worker died between forwarding and acknowledging", async () => {
    const { bench, order, put, on, batch } = createPaced(0);
    await put("a", 3);
    await heavy(bench);
    const again = on("events").map((held) => ({ ...held, id: `${held.id} again` }));
    await batch("events");
    bench.held.push(...again);
    await batch("events");
    expect(on("overflow")).toHaveLength(6);
    await batch("overflow", 3);
    await batch("overflow");
    expect(order).toHaveLength(3);
    expect(bench.held).toEqual([]);
  });

  test("are delivered again when `overflow` takes none", async () => {
    const { bench, put, on, batch } = createPaced(0);
    await put("a", 3);
    await heavy(bench);
    bench.faults.send = (queue) => queue === "overflow";
    const answers = await batch("events");
    expect(answers.every(({ answer }) => typeof answer === "object")).toBe(true);
    expect(on("overflow")).toEqual([]);
  });

  test("wait while `overflow` is paused, and come back to it", async () => {
    const { bench, order, put, batch } = createPaced(0);
    await put("a", 3);
    await heavy(bench);
    await env.DB.exec("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'queue', 'overflow', 0)");
    await batch("events");
    await batch("overflow");
    expect(await bench.all("SELECT DISTINCT state, gate FROM jobs")).toEqual([{ state: "waiting", gate: "pause/queue/overflow" }]);
    await env.DB.exec("DELETE FROM pauses");
    await bench.tick(0);
    await batch("events");
    await batch("overflow");
    expect(order).toHaveLength(3);
  });

  test("wait while their own queue is paused", async () => {
    const { bench, put, batch } = createPaced(0);
    await put("a", 1);
    await heavy(bench);
    await batch("events");
    await env.DB.exec("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'queue', 'events', 0)");
    await batch("overflow");
    expect(await bench.all("SELECT gate FROM jobs")).toEqual([{ gate: "pause/queue/events" }]);
  });
});

describe("`overflow`", () => {
  test("does not mark, and keeps its lanes full: what no longer fills them goes back while more waits", async () => {
    const { bench, order, put, on, batch, marks } = createPaced(4 * second);
    await put("a", 60);
    await bench.engine.ledger.markHeavy({ tenant: "a", queue: "events" }, bench.now());
    await batch("events");
    await batch("events");
    await batch("overflow");
    expect(order).toHaveLength(20);
    expect(await marks()).toHaveLength(1);
    bench.advance(second);
    await batch("overflow");
    expect(order).toHaveLength(40);
    bench.advance(second);
    await batch("overflow");
    expect(order).toHaveLength(60);
    expect(on("overflow")).toEqual([]);
  });
});

describe("the mark", () => {
  test("goes on while jobs of the tenant come from `overflow`, and ends a minute after the last", async () => {
    const { bench, order, put, batch, marks } = createPaced(0);
    await bench.engine.ledger.markHeavy({ tenant: "a", queue: "events" }, bench.now());
    for (let round = 0; round < 3; round++) {
      await put("a", 1);
      await batch("events");
      bench.advance(40 * second);
      await batch("overflow");
    }
    expect(await marks()).toMatchObject([{ seen: bench.now() }]);
    bench.advance(minute);
    await put("a", 1);
    await batch("events");
    expect(order).toHaveLength(4);
    expect(await marks()).toHaveLength(1);
    await bench.tick(0);
    expect(await marks()).toEqual([]);
  });

  test("that has ended does not come back with what comes late from `overflow`", async () => {
    const { bench, put, batch, marks } = createPaced(0);
    await bench.engine.ledger.markHeavy({ tenant: "a", queue: "events" }, bench.now());
    await put("a", 1);
    await batch("events");
    const [before] = await marks();
    bench.advance(minute);
    await batch("overflow");
    expect(await marks()).toEqual([before]);
  });

  test("is recorded once in 15 seconds, however many batches come", async () => {
    const { bench, put, batch } = createPaced(0);
    await bench.engine.ledger.markHeavy({ tenant: "a", queue: "events" }, bench.now());
    let noted = 0;
    const { ledger } = bench.engine;
    bench.engine.ledger = new Proxy(ledger, {
      get: (target, name) =>
        name === "heavySeen" ? (...all: Parameters<typeof ledger.heavySeen>) => (noted++, ledger.heavySeen(...all)) : target[name as keyof typeof ledger],
    });
    await put("a", 60);
    await batch("events");
    for (let round = 0; round < 2; round++) await batch("overflow");
    expect(noted).toBe(1);
  });

  test("keeps since when it is heavy", async () => {
    const ledger = createLedger(env.DB, () => undefined);
    const sinceOf = () => env.DB.prepare("SELECT since FROM heavy_tenants").first("since");
    await ledger.markHeavy({ tenant: "a", queue: "events" }, 1000);
    await ledger.markHeavy({ tenant: "a", queue: "events" }, 50_000);
    expect(await sinceOf()).toBe(1000);
    await ledger.markHeavy({ tenant: "a", queue: "events" }, 200_000);
    expect(await sinceOf()).toBe(200_000);
  });
});

describe("the sweep", () => {
  const waitsInOverflow = async () => {
    const paced = createPaced(0);
    const { bench, put, batch } = paced;
    await put("a", 1);
    await bench.engine.ledger.markHeavy({ tenant: "a", queue: "events" }, bench.now());
    await batch("events");
    // Something of it comes all the time.
    const tick = async (ms: number) => {
      bench.advance(ms);
      await bench.all("UPDATE heavy_tenants SET seen = ?", bench.now());
      return bench.tick(0);
    };
    return { ...paced, tick };
  };

  test("does not take for lost what waits in `overflow`, though its own queue is empty", async () => {
    const { bench, on, tick } = await waitsInOverflow();
    for (let round = 0; round < 3; round++) await tick(10 * minute);
    expect(on("overflow")).toHaveLength(1);
    expect(bench.held).toHaveLength(1);
  });

  test("brings back what is in neither", async () => {
    const { bench, on, tick } = await waitsInOverflow();
    bench.held.splice(0);
    await tick(10 * minute + 1);
    await tick(minute);
    expect(on("events")).toHaveLength(1);
  });
});
