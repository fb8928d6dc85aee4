import { describe, expect, test } from "vitest";
import { admit, enter, leave, probe, reset } from "../../src/tenants/gate-rules";
import { defaultConcurrency, type GateState } from "../../src/tenants/gate-state";
import { minute, start, gate } from "./gate-world";

describe("concurrency", () => {
  test("holds back who comes too many, and lets the next in when one leaves", () => {
    const g = gate({ concurrency: 2 });
    const [a] = [g.in("a"), g.in("b")];
    expect(g.held("c")).toMatchObject({ reason: "concurrency", park: false });
    g.leave("answered", a);
    expect(g.in("c").probe).toBe(false);
  });

  test("a lease that was not given back ends by itself; giving it back late changes nothing", () => {
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

  test("a lower limit ends no lease, and admits no job until enough leases are given back", () => {
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
  test("lets a burst in, then one at a time, each at a time of its own", () => {
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
