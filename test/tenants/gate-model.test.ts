import fc from "fast-check";
import { describe, test } from "vitest";
import type { GateLimits } from "../../src/tenants/gate-limits";
import { enter, leave, reset, status } from "../../src/tenants/gate-rules";
import type { GateReport } from "../../src/queue/ports/gates";
import { newGate } from "../../src/tenants/gate-state";

const start = 1_800_000_000_000;

describe("whatever happens", () => {
  const jobs = Array.from({ length: 9 }, (_, index) => `job-${index}`);
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("enter" as const), ids: fc.subarray(jobs, { minLength: 1 }), leaseMs: fc.integer({ min: 1, max: 30_000 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("leave" as const),
        which: fc.nat({ max: 50 }),
        calls: fc.constantFrom("none", "answered", "transient", "transient"),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.oneof(fc.nat({ max: 500 }), fc.nat({ max: 40_000 })) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const) }) },
  );
  const limitsOf = fc.record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    perSecond: fc.option(fc.double({ min: 0.01, max: 20, noNaN: true }), { nil: undefined }),
    burst: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    breaker: fc.record({ failures: fc.integer({ min: 1, max: 3 }), openSeconds: fc.integer({ min: 1, max: 30 }) }),
  });

  test("slots, probe, bucket and generations hold", () => {
    fc.assert(
      fc.property(limitsOf, fc.array(step, { minLength: 30, maxLength: 150, size: "max" }), (limits, steps) => {
        const world = new World(limits);
        for (const each of steps) world.take(each);
      }),
      { numRuns: 400 },
    );
  });

  type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

  /** A model of the gate from its calls, its answers and the clock alone. */
  class World {
    state = newGate();
    now = start;
    seen: { id: string; lease: string; probe: boolean; until: number }[] = [];
    live = new Map<string, { id: string; lease: string; probe: boolean; until: number }>();
    grants = 0;
    readonly limits: GateLimits;

    constructor(limits: GateLimits) {
      this.limits = limits;
    }

    take(each: Step) {
      if (each.do === "enter") this.enter(each.ids, each.leaseMs);
      if (each.do === "leave") this.leave(each.which, each.calls);
      if (each.do === "wait") this.now += each.ms;
      if (each.do === "reset") this.state = reset(this.state, this.state.limits, this.now);
      for (const [id, stay] of this.live) if (stay.until <= this.now) this.live.delete(id);
      if (each.do === "reset") for (const stay of this.live.values()) stay.probe = false;
      this.check();
    }

    enter(ids: string[], leaseMs: number) {
      const before = status(this.state, this.state.limits, this.now);
      const probing = [...this.live.values()].some((stay) => stay.probe);
      const { state, answers } = enter(
        this.state,
        ids.map((id) => ({ id })),
        this.limits,
        leaseMs,
        this.now,
      );
      this.state = state;
      const fresh = answers.filter((answer, index) => answer.granted && this.live.get(ids[index]!)?.lease !== answer.lease);
      this.grants += fresh.length;
      if (before.circuit === "open") holds(!answers.some((answer) => answer.granted), "nobody enters an open circuit");
      if (before.circuit === "half-open") {
        holds(fresh.length <= (probing ? 0 : 1), "one probe at most");
        const room = before.inside < before.concurrency && (before.tokens === null || before.tokens >= 1);
        if (!probing && room) holds(fresh.length === 1, "a free place is given to a probe");
        holds(
          fresh.every((answer) => answer.granted && answer.probe),
          "who enters half-open is the probe",
        );
      }
      if (before.circuit === "closed")
        holds(
          fresh.every((answer) => answer.granted && !answer.probe),
          "no probe while closed",
        );
      answers.forEach((answer, index) => {
        const id = ids[index]!;
        if (!answer.granted) return holds(answer.until > this.now, "who is held back is told a time to come");
        const known = this.live.get(id);
        const until = known?.lease === answer.lease ? Math.max(known.until, this.now + leaseMs) : this.now + leaseMs;
        const stay = { id, lease: answer.lease, probe: answer.probe, until };
        this.live.set(id, stay);
        this.seen.push(stay);
      });
    }

    leave(which: number, calls: GateReport) {
      const stay = this.seen.at(-1 - (which % 12));
      if (!stay) return;
      const before = this.state.breaker;
      const old = Number(stay.lease.split("-")[0]) !== before.generation;
      const current = this.live.get(stay.id)?.lease === stay.lease && this.live.get(stay.id)!.until > this.now;
      this.state = leave(this.state, [{ id: stay.id, lease: stay.lease, calls }], this.now);
      if (old) holds(this.state.breaker.generation === before.generation, "an old result moves no generation");
      const { failures, openUntil } = this.state.breaker;
      if (old || !current) holds(failures === before.failures && openUntil === before.openUntil, "an old result says nothing");
      if (current && calls === "none") this.grants -= 1;
      if (current) this.live.delete(stay.id);
    }

    check() {
      const seen = status(this.state, this.state.limits, this.now);
      holds(this.live.size <= this.limits.concurrency!, "no more inside than may be");
      holds(seen.inside === this.live.size, "who is inside is counted");
      holds([...this.live.values()].filter((stay) => stay.probe).length <= 1, "one probe at most");
      const { perSecond } = this.limits;
      if (perSecond === undefined) return;
      const burst = this.limits.burst ?? Math.max(1, Math.ceil(perSecond));
      holds((seen.tokens ?? 0) <= burst, "the bucket never exceeds the burst");
      holds(this.grants <= burst + (perSecond * (this.now - start)) / 1000 + 0.001, "no more enter than the rate gives");
    }
  }

  function holds(condition: boolean, what: string): void {
    if (!condition) throw new Error(`broken: ${what}`);
  }
});
