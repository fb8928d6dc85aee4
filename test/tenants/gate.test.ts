import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Gate } from "../../src/tenants/gate";
import { createGates } from "../../src/tenants/gates";

const namespace = env.GATE as unknown as DurableObjectNamespace<Gate>;
const now = 1_800_000_000_000;
const minute = 60_000;

describe("the object", () => {
  test("keeps slots, circuit and generations through eviction", async () => {
    const gate = namespace.getByName("acme/mail");
    const limits = { concurrency: 2, breaker: { failures: 1 } };
    const [a] = await gate.enter([{ id: "a" }], limits, minute, now);
    await evictDurableObject(gate);
    expect(await gate.enter([{ id: "a" }], limits, minute, now)).toEqual([a]);
    const [b] = await gate.enter([{ id: "b" }], limits, minute, now);
    await gate.leave([{ id: "b", lease: b!.granted ? b!.lease : "", calls: "transient" }], now);
    await evictDurableObject(gate);
    expect(await gate.status(now, limits)).toMatchObject({ circuit: "open", openUntil: now + 30_000, inside: 1 });
    expect(await gate.enter([{ id: "c" }], limits, minute, now)).toMatchObject([{ granted: false, reason: "open" }]);
    expect(await gate.admit(100, now)).toMatchObject({ count: 0 });
    await gate.reset(now, limits);
    await evictDurableObject(gate);
    expect(await gate.status(now, limits)).toMatchObject({ circuit: "closed", inside: 1 });
  });

  test("held by a refused setting stays so whatever those inside still say, lets one try after its time, and opens when it is set anew", async () => {
    const gate = namespace.getByName("acme/held");
    const [inside] = await gate.enter([{ id: "a" }], {}, minute, now);
    await gate.hold(now + 10 * minute, now, "resend: the key is not valid");
    expect(await gate.status(now)).toMatchObject({ refusal: { at: now, reason: "resend: the key is not valid" }, lastFailure: null });
    await gate.leave([{ id: "a", lease: inside!.granted ? inside!.lease : "", calls: "answered" }], now);
    expect(await gate.enter([{ id: "b" }], {}, minute, now)).toMatchObject([{ granted: false, reason: "open", park: true }]);
    const later = now + 10 * minute;
    expect(await gate.enter([{ id: "b" }, { id: "c" }], {}, minute, later)).toMatchObject([{ granted: true, probe: true }, { granted: false }]);
    await gate.reset(later, {});
    expect(await gate.status(later)).toMatchObject({ circuit: "closed", refusal: null });
    expect(await gate.enter([{ id: "c" }], {}, minute, later)).toMatchObject([{ granted: true }]);
  });

  test("lets no more in than it may when asked all at once", async () => {
    const gate = namespace.getByName("acme/crm");
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => gate.enter([{ id: `job-${index}` }], { concurrency: 3 }, minute, now)));
    expect(answers.flat().filter((answer) => answer.granted)).toHaveLength(3);
  });

  test("stores its state as one row, however many jobs are inside", async () => {
    const gate = namespace.getByName("acme/rows");
    await gate.enter(
      Array.from({ length: 100 }, (_, index) => ({ id: `job-${index}` })),
      {},
      minute,
      now,
    );
    const keys = await runInDurableObject(gate, (_, state) => [...state.storage.kv.list()].map(([key]) => key));
    expect(keys).toEqual(["state"]);
  });
});

describe("the client", () => {
  const limitsOf = async () => ({ concurrency: 1 });

  test("a gate out of reach holds every job back for 15 s, and says so", async () => {
    const logged: string[] = [];
    const broken = { getByName: () => ({ enter: () => Promise.reject(new Error("reset")), leave: () => Promise.reject(new Error("reset")) }) };
    const gates = createGates(broken as unknown as DurableObjectNamespace<Gate>, limitsOf, {
      report: (event, { tenant }) => logged.push(`${event} ${tenant}`),
    });
    const held = { granted: false, reason: "unreachable", until: now + 15_000, park: false };
    expect(await gates.enter("acme", "mail", ["a", "b"], minute, now)).toEqual([held, held]);
    await gates.leave("acme", "mail", [], now);
    expect(await gates.admit("acme", "mail", 10, now)).toEqual({ count: 0, until: now + 15_000, perSecond: 0 });
    expect(await gates.status("acme", "mail", now)).toBeNull();
    expect(await gates.reset("acme", "mail", now)).toBe(false);
    expect(logged).toEqual(Array.from({ length: 5 }, () => "gate.unreachable acme"));
  });

  test("a gate that never answers is given up", async () => {
    const silent = { getByName: () => ({ enter: () => new Promise(() => undefined) }) };
    const gates = createGates(silent as unknown as DurableObjectNamespace<Gate>, limitsOf, { timeLimit: 5, report: () => undefined });
    expect(await gates.enter("acme", "mail", ["a"], minute, now)).toMatchObject([{ reason: "unreachable" }]);
  });

  test("one failed call is made again", async () => {
    const real = namespace.getByName("flaky/mail");
    let calls = 0;
    const flaky = { getByName: () => (calls++ === 0 ? { enter: () => Promise.reject(new Error("reset")) } : real) };
    const gates = createGates(flaky as unknown as DurableObjectNamespace<Gate>, limitsOf);
    expect(await gates.enter("flaky", "mail", ["a"], minute, now)).toMatchObject([{ granted: true }]);
  });

  test("limits that cannot be read hold back too", async () => {
    const gates = createGates(namespace, () => Promise.reject(new Error("D1 is down")), { report: () => undefined });
    expect(await gates.enter("acme", "mail", ["a"], minute, now)).toMatchObject([{ reason: "unreachable" }]);
  });

  test("tenants and dependencies have gates of their own", async () => {
    const gates = createGates(env.GATE, limitsOf);
    const [a] = await gates.enter("one", "mail", ["a"], minute, now);
    expect(await gates.enter("one", "mail", ["b"], minute, now)).toMatchObject([{ granted: false, reason: "concurrency" }]);
    expect(await gates.enter("two", "mail", ["b"], minute, now)).toMatchObject([{ granted: true }]);
    expect(await gates.enter("one", "crm", ["b"], minute, now)).toMatchObject([{ granted: true }]);
    await gates.leave("one", "mail", [{ id: "a", lease: a?.granted ? a.lease : "", calls: "answered" }], now);
    expect(await gates.enter("one", "mail", ["b"], minute, now)).toMatchObject([{ granted: true }]);
    expect(await gates.status("one", "mail", now)).toMatchObject({ circuit: "closed", inside: 1, concurrency: 1 });
    expect(await gates.reset("one", "mail", now)).toBe(true);
    expect(await gates.admit("one", "mail", 10, now)).toMatchObject({ count: 10 });
  });
});
