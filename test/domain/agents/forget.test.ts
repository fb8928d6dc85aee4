import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { forgetRuns } from "../../../src/domain/agents/erase";
import { createAgentRuns } from "../../../src/domain/agents/store";
import { createLedger } from "../../../src/ledger/ledger";
import { createPayloads } from "../../../src/ledger/payloads";
import { ids, newJob, noon } from "../../support/rows";

const day = 24 * 3_600_000;
const payloads = createPayloads(env.PAYLOADS);

test("runs of which the job was removed go with their texts in R2; those of jobs that are kept or not written yet stay", async () => {
  const kept: Record<string, string> = {};
  const runs = createAgentRuns(env.DB, payloads, "forget-runs");
  for (const [name, at] of [
    ["kept", noon - 9 * day],
    ["gone", noon - 9 * day],
    ["unwritten", noon - 1000],
  ] as const) {
    const id = await ids.make("forget-runs", at);
    kept[name] = id;
    if (name === "kept") await createLedger(env.DB, () => undefined).insert([newJob({ tenant: "forget-runs", id, type: "agent" })]);
    const run = { job: id, agent: "sync-doctor", revision: 0 };
    await runs.open({ ...run, dry: false, inputHash: "" }, at);
    const body = { tool: "look", input: {}, output: "x".repeat(20_000), reads: "trusted" as const };
    await env.DB.batch((await runs.stepWrites(run, { step: 1, place: 1, kind: "tool", tokens: 0, micros: 0, body }, at)).writes as D1PreparedStatement[]);
  }
  expect(await forgetRuns(env.DB, payloads, "", noon - day)).toEqual({ removed: 1, last: "" });
  const { results } = await env.DB.prepare("SELECT job FROM agent_runs WHERE tenant = 'forget-runs' ORDER BY job").all();
  expect(results).toEqual([kept["kept"], kept["unwritten"]].toSorted().map((job) => ({ job })));
  const { objects } = await env.PAYLOADS.list({ prefix: "forget-runs/" });
  expect(objects.map(({ key }) => key.split("/")[1]).toSorted()).toEqual([kept["kept"], kept["unwritten"]].toSorted());
});
