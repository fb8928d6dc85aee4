import { describe, expect, test } from "vitest";
import { env } from "cloudflare:workers";
import { createQueries } from "../../src/ledger/queries";
import { timelineOf, type TimelineRow } from "../../src/ledger/timeline";
import { createEngineBench } from "../support/engine";

async function timelineIn(tenant: string, id: string) {
  const job = await createQueries(env.DB).job(tenant, id);
  return { job, events: job?.timeline.map(({ event, ms, times }) => [event, ms, times]) };
}

describe("a job's timeline", () => {
  test("names each of its runs with its length, its checkpoints and how it ended", async () => {
    const bench = createEngineBench();
    const lengths = [300, 500, 700];
    bench.calls["work"] = () => bench.advance(lengths.shift() ?? 0);
    const script = [{ do: "call", name: "work" }, { do: "checkpoint" }, { do: "again" }, { do: "retry" }, { do: "done" }];
    const id = await bench.acceptOne({ payload: { script } });
    await bench.deliverAll();
    const { job, events } = await timelineIn("one", id);
    expect(job).toMatchObject({ state: "done", runs: 3 });
    expect(events?.map(([event]) => event)).toEqual(["queued", "running", "again", "retry", "checkpoint", "done"]);
    expect(events?.filter(([, ms]) => ms !== null)).toEqual([
      ["again", 300, 1],
      ["retry", 500, 1],
      ["done", 700, 1],
    ]);
  });

  test("folds what a job that goes on again and again leaves, after twenty runs", async () => {
    const bench = createEngineBench();
    bench.calls["work"] = () => bench.advance(10);
    const id = await bench.acceptOne({
      payload: { script: [{ do: "call", name: "work" }, ...Array.from({ length: 30 }, () => ({ do: "again" })), { do: "done" }] },
    });
    await bench.deliverAll();
    const { job, events } = await timelineIn("one", id);
    expect(job).toMatchObject({ state: "done", runs: 31 });
    const again = events?.filter(([event]) => event === "again") ?? [];
    expect(again.length).toBeLessThanOrEqual(20);
    expect(again.reduce((sum, [, , times]) => sum + Number(times), 0)).toBe(30);
  });
});

test("the timeline of a job without history comes from its own row alone", () => {
  const row: Omit<TimelineRow, "state"> = { at: 1000, started: 2000, begun: 2000, ended: 2500, checkpoints: 0, checkpointed: null };
  const entriesOf = (state: "done" | "running", more: Partial<TimelineRow> = {}) =>
    timelineOf({ ...row, ...more, state }, []).map(({ at, event, ms }) => [at, event, ms]);
  expect(entriesOf("done")).toEqual([
    [1000, "queued", null],
    [2000, "running", null],
    [2500, "done", 500],
  ]);
  expect(entriesOf("running", { begun: 2200, ended: null })).toEqual([
    [1000, "queued", null],
    [2000, "running", null],
    [2200, "running", null],
  ]);
});
