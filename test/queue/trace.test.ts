import { expect, test } from "vitest";
import { job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { traceFrom, traceIdOf } from "../../src/trace";
import { createEngineBench } from "../support/engine";
import { scripted } from "../support/scripted";
import type { Envelope } from "../../src/queue/envelope";

const trace = `${"4bf92f3577b34da6a3ce929d0e0e4736"}-01`;
const over: { do: "done" }[] = [{ do: "done" }];
const bodyOf = (bench: ReturnType<typeof createEngineBench>, id: string) => bench.messagesOf(id)[0]?.body as Envelope;

test("a job whose sender named no trace carries none: not in its message, not in its row", async () => {
  const bench = createEngineBench();
  const id = await bench.acceptOne({ payload: { script: over } });
  expect(bodyOf(bench, id)).not.toHaveProperty("trace");
  expect(await bench.row(id)).toMatchObject({ trace: null });
});

test("a trace stays with the job through waits and the tick, and goes to its children and theirs", async () => {
  const bench = createEngineBench();
  const script = [{ do: "child", key: "c" }, { do: "wait", ms: 3_600_000 }, ...over];
  const id = await bench.acceptOne({ payload: { script }, trace });
  await bench.deliver(bench.messagesOf(id));
  expect(await bench.row(id)).toMatchObject({ state: "waiting", trace });
  const [child] = await bench.all<{ id: string; trace: string }>("SELECT id, trace FROM jobs WHERE parent = ?", id);
  expect(child?.trace).toBe(trace);
  await bench.deliverAll();
  await bench.tick(3_700_000);
  expect(bodyOf(bench, id)).toMatchObject({ trace, seq: 2 });
});

test("children of a job without a named trace share its trace; only their children carry it", async () => {
  const bench = createEngineBench();
  bench.calls["grandchild"] = (context) => context.enqueue(scripted, { script: over }, { key: "g" }).then(() => undefined);
  bench.calls["child"] = (context) =>
    context.enqueue(scripted, { script: [{ do: "call" as const, name: "grandchild" }, ...over] }, { key: "c" }).then(() => undefined);
  const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "child" }, ...over] } });
  await bench.deliverAll();
  const rows = await bench.all<{ id: string; parent: string | null; trace: string | null }>(
    "SELECT id, parent, trace FROM jobs WHERE tenant = 'one' AND at >= ?",
    bench.now(),
  );
  const family = rows.filter((row) => row.id === id || row.parent === id || rows.some((each) => each.parent === id && each.id === row.parent));
  expect(family.map((row) => row.trace !== null).toSorted()).toEqual([false, false, true]);
  expect(new Set(family.map(traceIdOf))).toEqual(new Set([traceIdOf({ id })]));
});

test("calls of a run carry the job's trace, each with a span of its own", async () => {
  const sent: (string | undefined)[] = [];
  const caller = job({ ...scripted, type: "caller", aliases: [], needs: ["chat"] }, async (_payload, context) => {
    await (context as unknown as { chat: { post(): Promise<void> } }).chat.post();
    return done();
  });
  const bench = createEngineBench({
    jobs: [caller],
    capabilities: (_names, { traceparent }) => {
      const post = () => Promise.resolve(void sent.push(traceparent?.(), traceparent?.()));
      return Promise.resolve({ chat: { post } } as never);
    },
  });
  await bench.acceptOne({ type: "caller", payload: { script: over }, trace });
  const plain = await bench.acceptOne({ type: "caller", payload: { script: over } });
  await bench.deliverAll();
  expect(sent.map((each) => traceFrom(each)).toSorted()).toEqual([trace, trace, `${traceIdOf({ id: plain })}-01`, `${traceIdOf({ id: plain })}-01`].toSorted());
  expect(new Set(sent).size).toBe(4);
});

test("what is said of a failed run names the trace", async () => {
  const bench = createEngineBench();
  await bench.acceptOne({ payload: { script: [{ do: "throw" }] }, trace });
  await bench.deliver(bench.held);
  expect(bench.events.filter(({ event }) => event === "settled" || event === "trouble")).toEqual([
    expect.objectContaining({ event: "trouble", where: "run", trace }),
    expect.objectContaining({ event: "settled", state: "retrying", trace }),
  ]);
});

test("a pack of jobs with traces is as large as it is counted", async () => {
  const bench = createEngineBench({ pack: 50 });
  await bench.accept(Array.from({ length: 100 }, (_, n) => ({ payload: { script: over, text: "x".repeat(400) + n }, trace })));
  const bodies = bench.held.map(({ body }) => JSON.stringify(body).length);
  expect(bodies.length).toBeGreaterThan(1);
  for (const bytes of bodies) expect(bytes).toBeLessThanOrEqual(64_000);
});
