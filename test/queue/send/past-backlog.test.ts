import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { type EngineBench, createEngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";

beforeEach(emptyLedger);

const many = 1000;
const fine = { script: [{ do: "done" }] };

async function put(bench: EngineBench, tenant: string, count: number, more: object = {}): Promise<string[]> {
  const receipts = await bench.accept(Array.from({ length: count }, () => ({ tenant, payload: fine, ...more })));
  await bench.settle();
  return receipts.map((each) => (each.ok ? each.id : ""));
}

const on = (bench: EngineBench, queue: string) => bench.held.filter((each) => each.queue === queue);

/** A bench whose queue `events` is as long as the jobs of tenant `a` make it. */
async function behind(count: number): Promise<EngineBench> {
  const bench = createEngineBench({ ledgerFirst: false });
  await put(bench, "a", count);
  return bench;
}

describe("a queue that is long by the jobs of another tenant", () => {
  test("is passed by a copy on `overflow`, which runs; the copy behind the others is stale", async () => {
    const bench = await behind(many);
    const [id = ""] = await put(bench, "b", 1);
    expect(on(bench, "overflow")).toHaveLength(1);
    await bench.deliver(on(bench, "overflow"));
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, queue: "events" });
    const [left] = bench.messagesOf(id);
    expect(await bench.deliver([left!])).toEqual([expect.objectContaining({ answer: "ack" })]);
    expect(bench.runs.filter((run) => run.id === id)).toHaveLength(1);
  });

  test("is passed by jobs with a key as well", async () => {
    const bench = await behind(many);
    await put(bench, "b", 1, { key: "one" });
    expect(on(bench, "overflow")).toHaveLength(1);
  });

  test.each([
    ["by those of the tenant that made it long", many, "a", 1, {}],
    ["by more than 20 jobs of one minute", many, "b", 21, {}],
    ["by delayed jobs", many, "b", 1, { delaySeconds: 5 }],
    ["while it is short", many - 2, "b", 1, {}],
  ])("is not passed %s", async (_, before, tenant, count, more) => {
    const bench = await behind(before);
    await put(bench, tenant, count, more);
    expect(on(bench, "overflow")).toHaveLength(0);
  });

  test("is not passed when `overflow` is as long", async () => {
    const bench = await behind(many);
    bench.engine.memory.backlogs.set("overflow", { count: many, at: bench.now() });
    await put(bench, "b", 1);
    expect(on(bench, "overflow")).toHaveLength(0);
  });

  test("is passed though `overflow` is paused: the pause is not the job's own", async () => {
    const bench = await behind(many);
    const [id = ""] = await put(bench, "b", 1);
    await env.DB.exec("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'queue', 'overflow', 0)");
    await bench.deliver(on(bench, "overflow"));
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("keeps the job when `overflow` takes nothing", async () => {
    const bench = await behind(many);
    bench.faults.send = (queue) => queue === "overflow";
    const [id = ""] = await put(bench, "b", 1);
    bench.faults.send = false;
    expect(bench.messagesOf(id)).toHaveLength(1);
  });
});
