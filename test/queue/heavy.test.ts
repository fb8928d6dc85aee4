import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { type EngineBench } from "../support/engine";
import { recordingDb } from "../support/recorder";
import { second, width, createPaced } from "./heavy-bench";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

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
    let reads = 0;
    const { queue } = bench.engine;
    bench.engine.queue = (name) => {
      const producer = queue(name);
      return producer && { ...producer, metrics: () => (reads++, producer.metrics()) };
    };
    await put("a", 60);
    const before = { ...counts };
    await batch("events");
    expect(reads).toBe(0);
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
