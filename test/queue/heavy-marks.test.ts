import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createLedger } from "../../src/ledger/ledger";
import { second, minute, createPaced } from "./heavy-bench";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

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
