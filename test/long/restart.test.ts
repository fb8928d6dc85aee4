import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { play, type Playing } from "../scripts/sandbox.ts";
import { type Api, makeTenant } from "../way/support/api.ts";
import { isAlive } from "../way/support/processes.ts";
import { type Kept, Started, startKept } from "../way/support/start.ts";
import { until, untilJob } from "../way/support/until.ts";

let sandbox: Playing;
let started: Started;

const plain = (to: string) => ({ to, subject: "Hello", text: "Hello" });
const mailsTo = (to: string) => sandbox.mails(`?to=${encodeURIComponent(to)}&limit=10000`);

beforeAll(async () => {
  // A world of its own: it must outlive what is killed.
  sandbox = await play();
  started = new Started();
});
afterAll(async () => {
  await started?.remove();
  await sandbox?.close();
});

test("kill -9 of npm start loses nothing: what was queued, running, delayed and waiting ends, each mail once", async () => {
  await started.up();
  const shop = await makeTenant(started.api, "shop", sandbox.url);
  const before = await untilJob(shop, await shop.enqueue("email", plain("before@kill.example")), "done");

  await sandbox.fault({ provider: "mail", status: 429, headers: { "retry-after": "8" }, times: 1 });
  const waiting = await shop.enqueue("email", plain("waiting@kill.example"));
  await untilJob(shop, waiting, "waiting");
  await sandbox.fault({ provider: "mail", status: 500, times: 1 });
  const retrying = await shop.enqueue("email", plain("retrying@kill.example"));
  await untilJob(shop, retrying, "retrying");
  await sandbox.fault({ provider: "mail", delayMs: 3000 });
  const delayed = await shop.enqueue("email", plain("delayed@kill.example"), { delaySeconds: 8 });
  const due = Date.now() + 8000;
  // Start's own sandbox takes this one and dies before it answers. Its queue is another, which the others do not wait for.
  const demo = started.api.forTenant("demo");
  await started.sandbox.ask("POST", "/__faults", { body: { provider: "mail", timeoutAfterAccept: true, times: 1 } });
  const taken = await demo.enqueue("email", { ...plain("taken@kill.example"), priority: "low" });
  await until("start's sandbox has taken its mail", async () => (await started.sandbox.get("/__mailbox")).body.total === 1);
  const batch = await shop.ask("POST", "/v1/jobs/batch", {
    body: {
      jobs: Array.from({ length: 80 }, (_, index) => ({
        type: "email",
        payload: plain(`n${index}@kill.example`),
        ...(index % 2 ? { idempotencyKey: `n${index}` } : {}),
      })),
    },
  });
  expect(batch.body).toMatchObject({ accepted: 80 });
  // Ten are with the provider, which has not answered; thirty wait behind them in the batch, the rest in the queue.
  await until("ten calls are open", async () => (await sandbox.calls()).filter(({ end }) => end === "pending").length >= 10);
  const { mails: own } = (await started.sandbox.get("/__mailbox")).body;
  expect(await demo.job(taken)).toMatchObject({ state: "running", attempt: 1 });
  expect(await started.kill()).toEqual(expect.arrayContaining([expect.stringContaining("workerd")]));

  await sandbox.ask("DELETE", "/__faults");
  await started.up();
  expect(await shop.job(before.id)).toMatchObject({ state: "done", result: before.result });
  const ids: string[] = [waiting, retrying, delayed, ...batch.body.ids];
  await until(
    "all are done",
    async () => {
      const states = Map.groupBy(await Promise.all(ids.map((id) => shop.job(id))), ({ state }) => state);
      return states.size === 1 && states.has("done") ? true : [...states].map(([state, jobs]) => `${jobs.length} ${state}`);
    },
    // A mail that failed for now is tried again after a minute at the earliest.
    600,
  );

  const mails = await mailsTo("@kill.example");
  expect(mails).toHaveLength(84);
  expect(new Set(mails.map(({ to }) => to[0])).size).toBe(84);
  expect((await sandbox.effects()).repeated).toEqual({});
  await untilJob(demo, taken, "done");
  expect((await started.sandbox.get("/__mailbox")).body).toMatchObject({ received: 1, mails: own });
  const [late] = await mailsTo("delayed@kill.example");
  expect(Date.parse(late?.at ?? "")).toBeGreaterThanOrEqual(due - 1000);
  const family = started.family().map(({ pid }) => pid);
  await started.kill();
  expect(family.filter(isAlive)).toEqual([]);
});

describe("a runtime that dies", () => {
  let kept: Kept;
  let shop: Api;

  beforeAll(async () => {
    // Should the story before have failed: two Workers on one state take each other's jobs.
    await started.kill();
    kept = await startKept(started.stateDir, { maxBatchTimeout: 1 });
    shop = await makeTenant(kept.api, "runtime", sandbox.url);
  });
  afterAll(() => kept?.close());

  test("in the middle of a job: it goes on from its checkpoint", async () => {
    const steps = ["a", "b", "c"].flatMap((name) => [{ do: "mail", to: `${name}@checkpoint.example` }, { do: "checkpoint" }]);
    // The second call is under way when the runtime dies.
    await sandbox.fault({ provider: "mail", delayMs: 1, times: 1 });
    await sandbox.fault({ provider: "mail", delayMs: 4000, times: 1 });
    const id = await shop.enqueue("scripted", { steps });
    const isSecond = ({ end, body }: { end: string; body: string }) => end === "pending" && body.includes("b@checkpoint.example");
    await until("the second call is open", async () => (await sandbox.calls()).some(isSecond));
    await kept.killRuntime();
    expect(await untilJob(shop, id, "done")).toMatchObject({ effects: [{ state: "done" }, { state: "done" }, { state: "done" }] });
    expect((await mailsTo("@checkpoint.example")).map(({ to }) => to[0])).toEqual(["a@checkpoint.example", "b@checkpoint.example", "c@checkpoint.example"]);
    expect((await sandbox.calls()).filter(({ body }) => body.includes("a@checkpoint.example"))).toHaveLength(1);
  });

  test("by a job that kills it each time: that one is dead after its attempts, the other jobs are unharmed", async () => {
    // All come at the same moment and in one batch; the others are with the provider when it dies.
    await sandbox.fault({ provider: "mail", delayMs: 1500, times: 5 });
    const others = Array.from({ length: 5 }, (_, index) => [{ do: "mail", to: `mate${index}@poison.example` }]);
    const jobs = [...others, [{ do: "abort" }]].map((steps) => ({ type: "scripted", payload: { steps }, delaySeconds: 1 }));
    const { body } = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs } });
    const poison = body.ids.pop();
    const dead = await untilJob(shop, poison, "dead");
    expect(dead).toMatchObject({ attempt: 3, error: expect.stringContaining("the Worker died") });
    const unharmed = await Promise.all(body.ids.map((id: string) => untilJob(shop, id, "done")));
    expect(unharmed.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    expect(Math.max(...unharmed.map(({ runs }) => runs))).toBe(2);
    expect(await mailsTo("@poison.example")).toHaveLength(5);
    expect((await shop.get("/v1/dead-letters")).text).toContain(poison);
  });
});
