import { beforeEach, expect, test } from "vitest";
import { runNow } from "../../src/queue/operate";
import type { JobState } from "../../src/queue/state";
import { type EngineBench, createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

async function bringForward(bench: EngineBench, id: string): Promise<boolean> {
  const row = await bench.row(id);
  return (await runNow(bench.engine, [{ tenant: "one", id, state: row?.state as JobState, due: row?.due ?? null }])).length > 0;
}

test.each([
  ["delayed, with its message", { payload: fine, delaySeconds: 600 }, false],
  ["delayed, in the ledger", { payload: fine, delaySeconds: 7200 }, false],
  ["retrying", { payload: { script: [{ do: "retry", after: 600 }, { do: "done" }] } }, true],
  ["waiting with its message", { payload: { script: [{ do: "wait", ms: 50_000 }, { do: "done" }] } }, true],
  ["parked at a gate", { payload: { script: [{ do: "wait", gate: "mail", park: true }, { do: "done" }] } }, true],
])("a job that is %s runs now, once, and its side row is gone", async (_name, request, runsFirst) => {
  const bench = createEngineBench();
  const id = await bench.acceptOne(request);
  if (runsFirst) await bench.deliver(bench.held.slice());
  const before = bench.runs.length;
  expect(await bringForward(bench, id)).toBe(true);
  await bench.deliver(bench.held.filter(({ at }) => at <= bench.now()));
  expect(await bench.row(id)).toMatchObject({ state: "done" });
  await bench.deliverAll();
  await bench.tick(3 * 3_600_000);
  await bench.deliverAll();
  expect(bench.runs.length - before).toBe(1);
  expect(await bench.all("SELECT id FROM due UNION ALL SELECT id FROM parked")).toEqual([]);
  const events = await bench.all<{ event: string }>("SELECT event FROM history WHERE job = ?", id);
  expect(events.map(({ event }) => event)).toContain("brought forward");
});

test("a job that nothing holds back is left alone: on its way, running or ended", async () => {
  const bench = createEngineBench();
  const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "look" }, { do: "done" }] } });
  const [seq, seen]: [number | undefined, boolean[]] = [(await bench.row(id))?.seq, []];
  bench.calls["look"] = async () => void seen.push(await bringForward(bench, id));
  seen.push(await bringForward(bench, id));
  await bench.deliverAll();
  seen.push(await bringForward(bench, id));
  expect(seen).toEqual([false, false, false]);
  expect((await bench.row(id))?.seq).toBe(seq);
});
