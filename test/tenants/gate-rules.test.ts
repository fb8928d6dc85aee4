import { describe, expect, test } from "vitest";
import { maxOpen } from "../../src/tenants/gate-breaker";
import type { GateLimits } from "../../src/tenants/gate-limits";
import { admit, enter, leave, probe, reset, status } from "../../src/tenants/gate-rules";
import { defaultConcurrency, type GateAnswer, type GateState, heldGrace, maxHeld, newGate, probeWait, type Report } from "../../src/tenants/gate-state";

const minute = 60_000;
const start = 1_800_000_000_000;

/** A gate with its clock, for stories. */
function gate(limits: GateLimits = {}) {
  const me = {
    state: newGate(),
    now: start,
    enter(ids: string[], leaseMs = minute): GateAnswer[] {
      const { state, answers } = enter(
        me.state,
        ids.map((id) => ({ id })),
        limits,
        leaseMs,
        me.now,
      );
      me.state = state;
      return answers;
    },
    in(id: string, leaseMs = minute) {
      const [answer] = me.enter([id], leaseMs);
      if (!answer?.granted) throw new Error(`${id} was held back: ${answer?.reason}`);
      return { id, lease: answer.lease, probe: answer.probe };
    },
    held(id: string) {
      const [answer] = me.enter([id]);
      if (!answer || answer.granted) throw new Error(`${id} was let in`);
      return answer;
    },
    leave(calls: Report["calls"], ...stays: { id: string; lease: string }[]) {
      me.state = leave(
        me.state,
        stays.map(({ id, lease }) => ({ id, lease, calls })),
        me.now,
      );
    },
    fail(times: number) {
      for (let time = 0; time < times; time++) me.leave("transient", me.in(`failing-${time}`));
    },
    get status() {
      return status(me.state, me.state.limits, me.now);
    },
  };
  return me;
}

describe("concurrency", () => {
  test("holds back who comes too many, and lets the next in when one leaves", () => {
    const g = gate({ concurrency: 2 });
    const [a] = [g.in("a"), g.in("b")];
    expect(g.held("c")).toMatchObject({ reason: "concurrency", park: false });
    g.leave("answered", a);
    expect(g.in("c").probe).toBe(false);
  });

  test("a lease that nobody gave back ends by itself; giving it back late changes nothing", () => {
    const g = gate({ concurrency: 1 });
    const a = g.in("a", 1000);
    g.now += 1000;
    g.in("b");
    g.leave("answered", a);
    expect(g.status.inside).toBe(1);
    expect(g.held("c").reason).toBe("concurrency");
  });

  test("a redelivered job gets its lease again, prolonged, and takes no second place or token", () => {
    const g = gate({ concurrency: 1, perSecond: 0.001, burst: 1 });
    const a = g.in("a", 1000);
    g.now += 900;
    expect(g.in("a", 1000)).toEqual(a);
    g.now += 900;
    expect(g.status.inside).toBe(1);
  });

  test("one job named twice in a call is one", () => {
    const [one, other] = gate({ concurrency: 1 }).enter(["a", "a"]);
    expect(one).toEqual(other);
  });

  test("a foreign lease frees nothing", () => {
    const g = gate({ concurrency: 1 });
    const a = g.in("a");
    g.leave("answered", { id: "b", lease: a.lease }, { id: "a", lease: "0-99" });
    expect(g.status.inside).toBe(1);
  });

  test("a lower limit takes nobody's place away, and lets nobody in until it is kept", () => {
    const g = gate();
    const stays = ["a", "b", "c"].map((id) => g.in(id));
    const now = g.now;
    const lower = (state: GateState) => enter(state, [{ id: "d" }], { concurrency: 2 }, minute, now);
    expect(lower(g.state).answers[0]).toMatchObject({ granted: false, reason: "concurrency" });
    g.leave("answered", ...stays.slice(0, 2));
    expect(lower(g.state).answers[0]).toMatchObject({ granted: true });
  });

  test("the default lets a hundred in", () => {
    const ids = Array.from({ length: defaultConcurrency + 1 }, (_, index) => `job-${index}`);
    expect(
      gate()
        .enter(ids)
        .filter((answer) => answer.granted),
    ).toHaveLength(defaultConcurrency);
  });
});

describe("rate", () => {
  test("lets a burst in, then one at a time, each told its own time", () => {
    const g = gate({ perSecond: 2, burst: 2 });
    const answers = g.enter(["a", "b", "c", "d"]);
    expect(answers.map((answer) => answer.granted)).toEqual([true, true, false, false]);
    expect(answers.slice(2)).toEqual([
      { granted: false, reason: "rate", until: start + 500, park: false },
      { granted: false, reason: "rate", until: start + 1000, park: false },
    ]);
    g.now += 500;
    expect(g.in("c").probe).toBe(false);
    expect(g.held("d")).toMatchObject({ reason: "rate", until: start + 1000 });
  });

  test("a stay without a call gives its token back", () => {
    const g = gate({ perSecond: 0.1, burst: 1 });
    g.leave("none", g.in("a"));
    g.leave("answered", g.in("b"));
    expect(g.held("c").reason).toBe("rate");
  });

  test("clocks that differ fill nothing twice, and a wrong one does not block for good", () => {
    const g = gate({ perSecond: 1, burst: 1 });
    g.in("a");
    for (let round = 0; round < 10; round++) {
      g.now += round % 2 === 0 ? -500 : 500;
      expect(g.held("b").reason).toBe("rate");
    }
    g.now += 3_600_000;
    g.in("b");
    g.now -= 3_600_000;
    expect(g.held("c").reason).toBe("rate");
    g.now += 1000;
    g.in("c");
  });
});

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
    expect(g.held("b")).toMatchObject({ reason: "open", until: g.now + probeWait });
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
    expect(lengths).toEqual([120_000, 240_000, 480_000, maxOpen, maxOpen, maxOpen]);
    g.now = g.status.openUntil!;
    g.leave("answered", g.in("good"));
    g.fail(1);
    expect(g.status.openUntil! - g.now).toBe(60_000);
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

describe("an operator", () => {
  test("lets one job try before the time has come; its answer closes the circuit, its failure opens it for longer", () => {
    for (const [calls, circuit] of [
      ["answered", "closed"],
      ["transient", "open"],
    ] as const) {
      const g = gate({ breaker: { failures: 1, openSeconds: 300 } });
      g.fail(1);
      expect(admit(g.state, 10, g.now).count).toBe(0);
      g.state = probe(g.state, g.now);
      expect(admit(g.state, 10, g.now).count).toBe(1);
      const trying = g.in("a");
      expect(trying.probe).toBe(true);
      g.held("b");
      g.leave(calls, trying);
      expect(g.status.circuit).toBe(circuit);
      if (circuit === "open") expect(g.status.openUntil).toBe(g.now + 600_000);
    }
  });

  test("takes a probe that does not end out of the way; what it says later counts no more", () => {
    const g = gate({ breaker: { failures: 1 } });
    g.fail(1);
    g.now += 30_000;
    const stuck = g.in("stuck", 10 * minute);
    g.held("next");
    g.state = probe(g.state, g.now);
    expect(g.in("next").probe).toBe(true);
    g.leave("transient", stuck);
    expect(g.status).toMatchObject({ circuit: "half-open", failures: 1 });
  });

  test("changes nothing at a closed circuit", () => {
    const g = gate({ breaker: { failures: 2 } });
    g.fail(1);
    const before = g.state;
    g.state = probe(g.state, g.now);
    expect(g.state.breaker).toEqual(before.breaker);
  });

  test("sees the newest failure, until another one counts", () => {
    const g = gate();
    expect(g.status.lastFailure).toBeNull();
    const stay = g.in("a");
    g.state = leave(g.state, [{ ...stay, calls: "transient", reason: "503 ".repeat(200) }], g.now);
    expect(g.status.lastFailure).toEqual({ at: g.now, reason: "503 ".repeat(75) });
    g.now += 1000;
    g.leave("answered", g.in("a"));
    expect(g.status.lastFailure?.at).toBe(g.now - 1000);
  });

  test("who sets new limits has them hold at once", () => {
    const g = gate({ concurrency: 1 });
    g.in("a");
    g.state = reset(g.state, { concurrency: 5 }, g.now);
    expect(admit(g.state, 1000, g.now).count).toBe(300 + 4);
  });
});

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
    g.now += heldGrace;
    expect(g.status.held).toHaveLength(0);
  });

  test("each of many is told its own time when slots are few", () => {
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

  test("nobody while it is open, one when a probe is due, nobody while it is under way", () => {
    const g = gate({ breaker: { failures: 1 } });
    g.fail(1);
    expect(admit(g.state, 100, g.now)).toMatchObject({ count: 0, until: start + 30_000 });
    g.now += 30_000;
    expect(admit(g.state, 100, g.now)).toMatchObject({ count: 1, until: g.now });
    g.in("probe");
    expect(admit(g.state, 100, g.now)).toMatchObject({ count: 0, until: g.now + probeWait });
  });
});
