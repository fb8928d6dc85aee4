import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { Envelope } from "../../src/queue/envelope";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const fine = { script: [{ do: "done" }] };

describe("a lost message", () => {
  test.each([
    ["empty, and the time has come", null, 11, true],
    ["empty, too soon to look", null, 9, false],
    ["newer in front: it has passed", 1, 11, true],
    ["older in front, for forty minutes", -1, 41, true],
    ["older in front, not so long", -1, 39, false],
  ])("the queue is %s", async (_name, other, minutes, swept) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    bench.held.splice(0);
    if (other !== null) bench.held.push(stranger(bench, bench.now() + other * second));
    await bench.tick(minutes * minute);
    expect((await bench.row(id))?.seq).toBe(swept ? 1 : 0);
    expect(bench.messagesOf(id)).toHaveLength(swept ? 1 : 0);
  });

  test("with a queue that has not come so far, the wait doubles up to six hours", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    const start = bench.now();
    bench.held.splice(0, 1, stranger(bench, start - hour));
    await bench.tick(41 * minute);
    const pauses: number[] = [];
    while (pauses.length < 5) {
      bench.held.splice(1);
      const since = bench.now();
      for (let swept = 0; swept === 0;) swept = (await bench.tick(((await bench.row(id))?.wake ?? 0) - bench.now())).swept;
      pauses.push((bench.now() - since) / minute);
    }
    expect(pauses).toEqual([80, 160, 320, 360, 360]);
    expect(await bench.row(id)).toMatchObject({ seq: 6, sweeps: 6, attempt: 0, state: "queued" });
  });

  test("a queue that does not answer is one that has not come so far", async () => {
    const bench = createEngineBench();
    await bench.acceptOne({ payload: { script: [{ do: "again" }] } });
    await bench.deliver(bench.held.slice());
    bench.held.splice(0);
    bench.faults.metrics = true;
    expect(await bench.tick(9 * minute)).toMatchObject({ swept: 0 });
    expect(await bench.tick(2 * minute)).toMatchObject({ swept: 1 });
    expect(bench.troubles()).toMatchObject([{ where: "metrics" }]);
  });

  test("a copy that still comes is stale", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    const [late] = bench.held.splice(0);
    await bench.tick(11 * minute);
    const [fresh] = bench.held.splice(0);
    expect(await bench.deliver([late as Held])).toMatchObject([{ answer: "ack" }]);
    expect(bench.runs).toEqual([]);
    await bench.deliver([fresh as Held]);
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, seq: 1 });
  });

  test("both in one batch: one run", async () => {
    const bench = createEngineBench();
    await bench.acceptOne({ payload: fine });
    await bench.tick(11 * minute);
    const late = { ...(bench.held[0] as Held), id: "late", body: { ...(bench.held[0]?.body as Envelope), seq: 0 } };
    await bench.deliver([late, ...bench.held.slice()]);
    expect(bench.runs).toHaveLength(1);
  });

  test("of a keyed job, of a large payload, of a dry run: what is sent is the same job", async () => {
    const bench = createEngineBench();
    const ids = [await bench.acceptOne({ payload: { ...fine, text: "x".repeat(100_000) }, key: "k" }), await bench.acceptOne({ payload: fine, dryRun: true })];
    const before = bench.held.splice(0).map(({ body }) => body as Envelope);
    await bench.tick(11 * minute);
    expect(ids.map((id) => bench.messagesOf(id)[0]?.body)).toEqual(before.map((envelope) => ({ ...envelope, seq: 1 })));
    await bench.deliverAll();
    for (const id of ids) expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("under a queue that is paused is left alone", async () => {
    const bench = createEngineBench();
    await bench.acceptOne({ payload: { script: [{ do: "again" }] } });
    await bench.deliver(bench.held.slice());
    bench.held.splice(0);
    await pause("*", "queue", "events");
    expect(await bench.tick(hour)).toMatchObject({ swept: 0 });
    await lift();
    expect(await bench.tick(hour)).toMatchObject({ swept: 1 });
  });

  test("a thousand of three tenants, walked past once", async () => {
    const bench = createEngineBench();
    for (const tenant of ["one", "two", "three"])
      await bench.accept(Array.from({ length: 334 }, (_, n) => ({ payload: fine, tenant, ...(n % 2 === 0 ? { key: `${n}` } : {}) })));
    bench.held.splice(0);
    await bench.tick(11 * minute);
    expect(bench.held).toHaveLength(1002);
    expect(await bench.tick(minute)).toMatchObject({ swept: 0, released: 0 });
    expect(bench.held).toHaveLength(1002);
  });
});

describe("another start of a local Worker", () => {
  test("brings back at once what was sent or leased under the one before, not before it is due", async () => {
    const first = createEngineBench({ boot: "a" });
    const start = first.now();
    const plain = await first.acceptOne({ payload: fine });
    const delayed = await first.acceptOne({ payload: fine, delaySeconds: 300 });
    const later = await first.acceptOne({ payload: fine, delaySeconds: 7200 });
    const finished = await first.acceptOne({ payload: fine });
    await first.deliver(first.messagesOf(finished));
    const leased = await first.acceptOne({ payload: fine });
    first.faults.ledger = (call) => call === "settle";
    await first.deliver(first.messagesOf(leased)).catch(() => undefined);

    const second_ = createEngineBench({ boot: "b", start: start + 10 * second });
    expect(await second_.tick()).toMatchObject({ swept: 3 });
    expect(second_.held.map(({ body }) => (body as Envelope).id).toSorted()).toEqual([plain, delayed, leased].toSorted());
    expect(await second_.row(leased)).toMatchObject({ state: "queued", crash: 1, seq: 1 });
    await second_.deliverAll();
    expect(second_.runs.find(({ id }) => id === delayed)?.at).toBe(start + 300 * second);
    expect(await second_.row(later)).toMatchObject({ state: "queued", runs: 0 });
    expect(await second_.tick()).toMatchObject({ swept: 0 });
    await second_.tick(2 * hour);
    await second_.deliverAll();
    expect(await second_.all("SELECT DISTINCT state FROM jobs")).toEqual([{ state: "done" }]);
  });
});

describe("pauses", () => {
  test.each([
    ["a queue", "*", "queue", "events"],
    ["a type", "*", "type", "scripted"],
    ["a tenant", "*", "tenant", "one"],
    ["a type for a tenant", "one", "type", "scripted"],
  ] as const)("%s: jobs park, count no attempt, and come back when it is lifted", async (_name, tenant, scope, name) => {
    const bench = createEngineBench();
    await pause(tenant, scope, name);
    const id = await bench.acceptOne({ payload: fine });
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: "ack" }]);
    expect(await bench.row(id)).toMatchObject({ state: "waiting", reason: `paused: ${scope}/${name}`, attempt: 0, runs: 0, gate: `pause/${scope}/${name}` });
    for (let n = 0; n < 3; n++) expect(await bench.tick(hour)).toMatchObject({ admitted: 0, swept: 0, released: 0 });
    expect(bench.held).toEqual([]);
    await lift();
    expect(await bench.tick(minute)).toMatchObject({ admitted: 1 });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, attempt: 0 });
  });

  test.each([
    ["another queue", "*", "queue", "email-sending"],
    ["another tenant", "*", "tenant", "two"],
    ["the type, for another tenant", "two", "type", "scripted"],
  ] as const)("%s: nothing is held", async (_name, tenant, scope, name) => {
    const bench = createEngineBench();
    await pause(tenant, scope, name);
    const id = await bench.acceptOne({ payload: fine });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

function stranger(bench: EngineBench, at: number): Held {
  return { id: "stranger", queue: "events", body: { v: 2, id: "x", tenant: "x" }, at: Math.max(0, Math.min(at, bench.now() + hour)), attempts: 0 };
}

const pause = (tenant: string, scope: string, name: string) =>
  env.DB.prepare("INSERT INTO pauses (tenant, scope, name, at) VALUES (?, ?, ?, 0)").bind(tenant, scope, name).run();
const lift = () => env.DB.exec("DELETE FROM pauses");
