import { expect, test } from "vitest";
import { env } from "cloudflare:workers";
import { enqueue } from "../../src/queue/enqueue";
import { createBench } from "../support/engine";

test("a job is accepted, run and done", async () => {
  const bench = createBench();
  const [receipt] = await enqueue(bench.engine, [{ tenant: "one", type: "scripted", payload: { script: [{ do: "done" }] } }]);
  expect(receipt).toMatchObject({ ok: true, state: "queued" });
  await bench.deliverAll();
  const row = await env.DB.prepare("SELECT * FROM jobs").first();
  expect(bench.events).toEqual([]);
  expect(row).toMatchObject({ state: "done", runs: 1 });
});
