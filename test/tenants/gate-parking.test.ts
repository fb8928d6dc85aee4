import { describe, expect, test } from "vitest";
import { admit } from "../../src/tenants/gate-rules";
import { heldGraceMs, maxHeld, probeWaitMs } from "../../src/tenants/gate-state";
import { minute, start, gate } from "./gate-world";

describe("parking", () => {
  test("a wait of over a minute is parked, and does not count as held", () => {
    const g = gate({ breaker: { failures: 1, openSeconds: 61 } });
    g.fail(1);
    expect(g.held("a").park).toBe(true);
    expect(g.status.held).toHaveLength(0);
    g.now += 1000;
    expect(g.held("a").park).toBe(false);
    expect(g.status.held).toHaveLength(1);
  });

  test("from a hundred waiting on, further ones are parked; the same one counts once", () => {
    const g = gate({ breaker: { failures: 1 } });
    g.fail(1);
    const ids = Array.from({ length: maxHeld + 5 }, (_, index) => `job-${index}`);
    for (let round = 0; round < 2; round++) expect(g.enter(ids).filter((answer) => !answer.granted && answer.park)).toHaveLength(5);
    expect(g.status.held).toHaveLength(maxHeld);
  });

  test("who enters, or never comes back, is no longer counted", () => {
    const g = gate({ concurrency: 1, breaker: { failures: 1 } });
    g.fail(1);
    g.enter(["a", "b"]);
    g.now += 30_000;
    g.in("a");
    expect(g.status.held).toHaveLength(1);
    g.now += heldGraceMs;
    expect(g.status.held).toHaveLength(0);
  });

  test("each of many gets its own time when slots are few", () => {
    const g = gate({ concurrency: 1 });
    const a = g.in("a");
    g.now += 8000;
    g.leave("answered", a);
    const [, ...others] = g.enter(["b", "c", "d", "e"]);
    const times = others.map((answer) => (answer.granted ? 0 : answer.until));
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(new Set(times).size).toBe(3);
  });
});

describe("admit", () => {
  test("the rate of a minute and what is free, less those who come by themselves", () => {
    const g = gate({ perSecond: 2, burst: 2 });
    g.enter(["a", "b", "c"]);
    expect(admit(g.state, 1000, g.now)).toEqual({ count: 119, until: g.now + minute, perSecond: 2 });
    expect(admit(g.state, 7, g.now).count).toBe(7);
  });

  test("never more than the slots can take when stays are long", () => {
    const g = gate({ concurrency: 2 });
    for (let round = 0; round < 50; round++) {
      const stays = [g.in("a"), g.in("b")];
      g.now += 10_000;
      g.leave("answered", ...stays);
    }
    const { count } = admit(g.state, 1000, g.now);
    expect(count).toBeGreaterThanOrEqual(12);
    expect(count).toBeLessThanOrEqual(15);
  });

  test("none while it is open, one when a probe is due, none while it is under way", () => {
    const g = gate({ breaker: { failures: 1 } });
    g.fail(1);
    expect(admit(g.state, 100, g.now)).toMatchObject({ count: 0, until: start + 30_000 });
    g.now += 30_000;
    expect(admit(g.state, 100, g.now)).toMatchObject({ count: 1, until: g.now });
    g.in("probe");
    expect(admit(g.state, 100, g.now)).toMatchObject({ count: 0, until: g.now + probeWaitMs });
  });
});
