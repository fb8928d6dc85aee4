import * as v from "valibot";
import { expect, test } from "vitest";
import { findingsShape } from "../../src/intake/routes/jobs";
import { createIntakeBench } from "./bench";
import { givenJob, now } from "./given";

const bench = createIntakeBench();
const own = await bench.tenant("settle-own");
const other = await bench.tenant("settle-other");

const doubtful = (tenant: string) =>
  givenJob(tenant, {
    state: "discarded",
    settled: { reason: 'uncertain: "send" may have happened' },
    effects: [{ key: "send", revision: 0, state: "uncertain", result: null, at: now }],
  });

const settle = (body: object, token = own.operate) => bench.call("POST", "/v1/jobs/effects", { token, body });

test("uncertain effects of many jobs are settled by one call; the answer names those that were left", async () => {
  const [first, second] = [await doubtful("settle-own"), await doubtful("settle-own")];
  const certain = await givenJob("settle-own", { state: "dead", settled: { reason: "503" } });
  const audited = bench.seen.audits.length;
  const answer = await settle({ ids: [first, certain, second, first], state: "failed" });
  expect(answer.status, answer.text).toBe(200);
  expect(v.is(findingsShape, answer.body)).toBe(true);
  expect(answer.body.settled.toSorted()).toEqual([first, second].toSorted());
  expect(answer.body.left).toEqual([certain]);
  expect(bench.seen.audits.slice(audited)).toMatchObject([{ action: "settle-effects", target: "jobs", detail: '{"state":"failed","jobs":2}' }]);
  const job = await bench.call("GET", `/v1/jobs/${first}`, { token: own.read });
  expect(job.body.effects).toMatchObject([{ key: "send", state: "failed" }]);
});

test("another tenant's jobs, no job and an unknown finding are refused", async () => {
  const id = await doubtful("settle-own");
  expect(await settle({ ids: [id], state: "done" }, other.operate)).toMatchObject({ status: 422, body: { errors: [{ path: "ids[0]" }] } });
  expect((await settle({ ids: [], state: "done" })).body.errors).toMatchObject([{ path: "ids" }]);
  expect((await settle({ state: "done" })).status).toBe(422);
  expect((await settle({ ids: [id], state: "maybe" })).body.errors).toMatchObject([{ path: "state" }]);
  expect((await settle({ ids: [id], state: "done" }, own.read)).status).toBe(403);
});
