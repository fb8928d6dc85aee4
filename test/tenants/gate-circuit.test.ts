import { describe, expect, test } from "vitest";
import { maxOpenMs } from "../../src/tenants/gate-breaker";
import { enter, holdUntil, leave, reset } from "../../src/tenants/gate-rules";
import { probeWaitMs } from "../../src/tenants/gate-state";
import { minute, start, gate } from "./gate-world";

describe("the circuit", () => {
  test("opens after five transient failures in a row, and not before", () => {
    const g = gate();
    g.fail(4);
    g.leave("answered", g.in("fine"));
    g.fail(4);
    g.leave("none", g.in("idle"));
    expect(g.status).toMatchObject({ circuit: "closed", failures: 4 });
    g.fail(1);
    expect(g.status).toMatchObject({ circuit: "open", openUntil: start + 30_000 });
    expect(g.held("a")).toEqual({ granted: false, reason: "open", until: start + 30_000, park: false });
  });

  test("one probe goes in when its time has come, and any answer closes it", () => {
    const g = gate();
    g.fail(5);
    g.now += 30_000;
    expect(g.status.circuit).toBe("half-open");
    const probe = g.in("a");
    expect(probe.probe).toBe(true);
    expect(g.held("b")).toMatchObject({ reason: "open", until: g.now + probeWaitMs });
    expect(g.in("a")).toEqual(probe);
    g.leave("answered", probe);
    expect(g.status).toMatchObject({ circuit: "closed", failures: 0, openUntil: null });
    expect(g.in("b").probe).toBe(false);
  });

  test("a probe that fails opens it for twice as long, up to ten minutes; closing starts anew", () => {
    const g = gate({ breaker: { failures: 1, openSeconds: 60 } });
    g.fail(1);
    const lengths: number[] = [];
    for (let round = 0; round < 6; round++) {
      g.now = g.status.openUntil!;
      g.leave("transient", g.in(`probe-${round}`));
      lengths.push(g.status.openUntil! - g.now);
    }
    expect(lengths).toEqual([120_000, 240_000, 480_000, maxOpenMs, maxOpenMs, maxOpenMs]);
    g.now = g.status.openUntil!;
    g.leave("answered", g.in("good"));
    g.fail(1);
    expect(g.status.openUntil! - g.now).toBe(60_000);
  });

  test("is open since it opened, also after failed probes and a refusal; closing starts anew", () => {
    const g = gate({ breaker: { failures: 1, openSeconds: 60 } });
    expect(g.status.openedAt).toBeNull();
    g.fail(1);
    for (let round = 0; round < 3; round++) {
      g.now = g.status.openUntil!;
      g.leave("transient", g.in(`probe-${round}`));
    }
    g.state = holdUntil(g.state, g.now + minute, g.now, "the key was refused");
    expect(g.status).toMatchObject({ circuit: "open", openedAt: start });
    g.now = g.status.openUntil!;
    g.leave("answered", g.in("good"));
    expect(g.status.openedAt).toBeNull();
    g.state = holdUntil(g.state, g.now + minute, g.now);
    expect(g.status.openedAt).toBe(g.now);
  });

  test("a circuit that an earlier version opened has no time of opening until it opens again", () => {
    const g = gate({ breaker: { failures: 1, openSeconds: 60 } });
    g.fail(1);
    g.state = { ...g.state, breaker: { ...g.state.breaker, openedAt: undefined } };
    g.now = g.status.openUntil!;
    g.leave("transient", g.in("probe"));
    expect(g.status).toMatchObject({ circuit: "open", openedAt: null });
  });

  test("a probe that made no call, or whose lease ended, leaves its place to the next", () => {
    const g = gate({ breaker: { failures: 1 } });
    g.fail(1);
    g.now += 30_000;
    g.leave("none", g.in("idle"));
    const crashed = g.in("crashed", 5000);
    expect(crashed.probe).toBe(true);
    expect(g.held("next").until).toBe(g.now + 5000);
    g.now += 5000;
    const next = g.in("next");
    expect(next.probe).toBe(true);
    g.leave("answered", crashed);
    expect(g.status.circuit).toBe("half-open");
    g.leave("answered", next);
    expect(g.status.circuit).toBe("closed");
  });

  test("results of older generations say nothing, in either direction", () => {
    const g = gate({ breaker: { failures: 1 } });
    const [one, two, three] = [g.in("one"), g.in("two"), g.in("three")];
    g.fail(1);
    g.leave("answered", one);
    expect(g.status.circuit).toBe("open");
    g.now += 30_000;
    const probe = g.in("probe");
    g.leave("transient", two);
    expect(g.status).toMatchObject({ circuit: "half-open", openUntil: start + 30_000 });
    g.leave("answered", probe);
    g.leave("transient", three);
    expect(g.status).toMatchObject({ circuit: "closed", failures: 0, inside: 0 });
  });

  test("a job that entered before the circuit opened is held back like the others when it asks again, and gets a new lease later", () => {
    const g = gate({ concurrency: 1, breaker: { failures: 1 } });
    const [slow] = [g.in("slow", 10 * minute)];
    const failing = enter(g.state, [{ id: "x" }], { concurrency: 2, breaker: { failures: 1 } }, minute, g.now);
    const [answer] = failing.answers;
    g.state = leave(failing.state, [{ id: "x", lease: answer!.granted ? answer!.lease : "", calls: "transient" }], g.now);
    expect(g.held("slow").reason).toBe("open");
    g.now += 30_000;
    const again = g.in("slow");
    expect(again).toMatchObject({ probe: true });
    expect(again.lease).not.toBe(slow.lease);
    expect(g.status.inside).toBe(1);
    g.leave("answered", slow);
    expect(g.status.inside).toBe(1);
  });

  test("reset closes it, keeps who is inside, and ignores what they say of before", () => {
    const g = gate({ concurrency: 2, breaker: { failures: 1 } });
    const inside = g.in("inside");
    g.fail(1);
    g.held("waiting");
    g.state = reset(g.state, g.state.limits, g.now);
    expect(g.status).toMatchObject({ circuit: "closed", inside: 1, held: [] });
    g.leave("transient", inside);
    expect(g.status).toMatchObject({ circuit: "closed", failures: 0, inside: 0 });
  });
});
