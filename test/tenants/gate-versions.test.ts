import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { Gate } from "../../src/tenants/gate";
import { createGates } from "../../src/tenants/gates";
import { Gate as ReleasedGate } from "./fixtures/released-gate.js";

// After a deployment an object may run the code before for five minutes, under callers of the new one; after a rollback it is the other way round.
const namespace = env.GATE as unknown as DurableObjectNamespace<Gate>;
const now = 1_800_000_000_000;
const minute = 60_000;
const limits = { concurrency: 2, perSecond: 50, breaker: { failures: 2, openSeconds: 30 } };
type AnyGate = new (ctx: DurableObjectState, env: Cloudflare.Env) => object;

/** Gates whose objects run that class on real storage; what goes in and out is cloned, as between isolates. */
function gatesOf(Class: AnyGate, unreached: string[] = []) {
  const getByName = (name: string) =>
    new Proxy(
      {},
      {
        get: (_, method: string) => {
          return async (...words: unknown[]) =>
            runInDurableObject(namespace.getByName(name), (_instance, state) => {
              const object = new Class(state, env) as Record<string, (...given: unknown[]) => unknown>;
              if (typeof object[method] !== "function") throw new TypeError(`The RPC receiver does not implement the method "${method}".`);
              return structuredClone(object[method](...structuredClone(words)));
            });
        },
      },
    );
  return createGates({ getByName } as unknown as DurableObjectNamespace<Gate>, async () => limits, { report: (event) => void unreached.push(event) });
}

const leaseOf = (answer: { granted: boolean } | undefined) => (answer && "lease" in answer ? String(answer.lease) : "");

describe("the present caller and the gate of an earlier release", () => {
  test("agree on what comes in, goes out and opens the circuit", async () => {
    const gates = gatesOf(ReleasedGate);
    const [a, b, c] = await gates.enter("old", "mail", ["a", "b", "c"], minute, now);
    expect([a, b, c].map((each) => each?.granted)).toEqual([true, true, false]);
    await gates.leave(
      "old",
      "mail",
      ["a", "b"].map((id, index) => ({ id, lease: leaseOf([a, b][index]), calls: "transient" as const, reason: "down" })),
      now,
    );
    const status = await gates.status("old", "mail", now);
    expect(status).toMatchObject({ circuit: "open", openUntil: now + 30_000, inside: 0, concurrency: 2, lastFailure: null });
    expect(Array.isArray(status?.held)).toBe(true);
    expect(await gates.admit("old", "mail", 10, now)).toMatchObject({ count: 0, until: now + 30_000 });
    expect(await gates.reset("old", "mail", now + 1)).toBe(true);
    expect(await gates.status("old", "mail", now + 1)).toMatchObject({ circuit: "closed", openUntil: null });
    expect(await gates.enter("old", "mail", ["c"], minute, now + 2)).toMatchObject([{ granted: true }]);
  });

  test("what it cannot do yet counts as out of reach, and changes nothing", async () => {
    const unreached: string[] = [];
    const gates = gatesOf(ReleasedGate, unreached);
    await gates.enter("old", "young", ["a"], minute, now);
    expect([await gates.hold("old", "young", now + minute, now), await gates.probe("old", "young", now)]).toEqual([false, false]);
    expect(unreached).toEqual(["gate.unreachable", "gate.unreachable"]);
    expect(await gates.status("old", "young", now)).toMatchObject({ circuit: "closed", inside: 1 });
  });

  test("leave a state that the present gate goes on with, and the other way round", async () => {
    const [before, after] = [gatesOf(ReleasedGate), gatesOf(Gate)];
    const [a] = await before.enter("both", "mail", ["a"], minute, now);
    expect(await after.enter("both", "mail", ["a"], minute, now)).toEqual([a]);
    expect(await after.status("both", "mail", now)).toMatchObject({ inside: 1, lastFailure: null, held: [] });
    const [b] = await after.enter("both", "mail", ["b", "c"], minute, now);
    await after.hold("both", "mail", now + 10 * minute, now);
    await before.leave(
      "both",
      "mail",
      [
        { id: "a", lease: leaseOf(a), calls: "answered" },
        { id: "b", lease: leaseOf(b), calls: "none" },
      ],
      now,
    );
    expect(await before.enter("both", "mail", ["d"], minute, now + 1)).toMatchObject([{ granted: false, reason: "open" }]);
    expect(await after.reset("both", "mail", now + 2)).toBe(true);
    expect(await before.enter("both", "mail", ["d"], minute, now + 3)).toMatchObject([{ granted: true }]);
    expect(await after.status("both", "mail", now + 3)).toMatchObject({ circuit: "closed", inside: 1 });
  });
});

test("the caller of an earlier release names no limits: the gate uses those of the last call with limits", async () => {
  const gate = namespace.getByName("new/mail");
  await gate.enter([{ id: "a" }], limits, minute, now);
  expect(await gate.status(now)).toMatchObject({ circuit: "closed", inside: 1, concurrency: 2 });
  await gate.reset(now);
  expect(await gate.enter([{ id: "b" }, { id: "c" }], limits, minute, now)).toMatchObject([{ granted: true }, { granted: false, reason: "concurrency" }]);
});
