import { expect, test } from "vitest";
import { createWorkBench } from "../support/work-bench";

const requestOf = (tenant: string, key: string, attemptsMade: number) => ({ tenant, type: "chore", payload: {}, key, attemptsMade });

test("attempts made elsewhere count: the job is dead when the rest of its attempts have failed", async () => {
  const bench = createWorkBench();
  const { name, one, post } = await bench.tenant();
  const [receipt] = await bench.accept([requestOf(name, "k", 1)]);
  const id = receipt?.ok ? receipt.id : "";
  expect(await bench.row(id)).toMatchObject({ state: "queued", attempt: 1, max: 3, runs: 0 });
  await bench.shelve();
  const first = await one();
  expect(first).toMatchObject({ attempt: 2, maxAttempts: 3 });
  await post(`/${id}/settle`, { lease: first.lease, outcome: { kind: "retry", reason: "no", afterSeconds: 0 } });
  bench.advance(61_000);
  await bench.shelve();
  const last = await one();
  expect(last).toMatchObject({ attempt: 3 });
  expect((await post(`/${id}/settle`, { lease: last.lease, outcome: { kind: "retry", reason: "no" } })).body).toMatchObject({ state: "dead" });
});

test("one attempt is left whatever is claimed, and the same key sent again changes nothing once it ran", async () => {
  const bench = createWorkBench();
  const { name, one, post } = await bench.tenant();
  const [receipt] = await bench.accept([requestOf(name, "k", 99)]);
  const id = receipt?.ok ? receipt.id : "";
  expect(await bench.row(id)).toMatchObject({ attempt: 2 });
  await bench.shelve();
  const { lease } = await one();
  await post(`/${id}/beat`, { lease, cursor: 1 });
  expect(await bench.row(id)).toMatchObject({ attempt: 0 });
  await bench.accept([requestOf(name, "k", 99)]);
  expect(await bench.row(id)).toMatchObject({ attempt: 0, state: "running" });
});

test("they travel with the message while the ledger is away", async () => {
  const bench = createWorkBench();
  const { name, one } = await bench.tenant();
  const ledger = { down: true };
  bench.faults.ledger = () => ledger.down;
  const [receipt] = await bench.accept([requestOf(name, "k", 1)]);
  expect(receipt?.ok).toBe(true);
  ledger.down = false;
  await bench.shelve();
  expect(await one()).toMatchObject({ attempt: 2 });
});

test("what a sender claims is a whole number of 0 to 1,000", async () => {
  const bench = createWorkBench();
  const { mint } = await bench.tenant();
  const jobs = [0, 1000, 1001, -1, 0.5, "1", null].map((attemptsMade) => ({ type: "chore", payload: {}, attemptsMade }));
  const { body } = await bench.call("POST", "/v1/jobs/batch", { token: await mint(["enqueue"]), body: { jobs } });
  expect(body).toMatchObject({ accepted: 2, rejected: [2, 3, 4, 5, 6].map((index) => ({ index, code: "invalid", errors: [{ path: "attemptsMade" }] })) });
});
