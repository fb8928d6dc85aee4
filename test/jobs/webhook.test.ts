import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { webhook } from "../../src/jobs/webhook/job";
import { runWebhook } from "../../src/jobs/webhook/run";
import type { HookMessage } from "../../src/providers/hooks/hooks";
import { failed, type Failure, ok } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { mask, masked } from "../../src/masking/personal";
import { workJob, type WorkOptions } from "../support/work-job";

type Input = InputOf<typeof webhook>;

/** The job after its first run, what the receiver got, and what it was retired for. */
async function work(input: Input, { failure, missing, ...options }: WorkOptions<typeof webhook> & { failure?: Failure; missing?: string } = {}) {
  const sent: HookMessage[] = [];
  const retired: string[][] = [];
  const post = async (message: HookMessage) => (sent.push(message), failure ? failed(failure) : ok({ status: 201, response: "thanks" }));
  const retire = async (reason: string, job: string) => void retired.push([reason, job]);
  const hooks = { open: async () => (missing === undefined ? { idempotentFor: 60, post, retire } : { missing }) };
  return { job: await workJob(webhook, runWebhook, input, { ...options, capabilities: { hooks } }), sent, retired };
}

describe("the payload", () => {
  test.each<[unknown, string]>([
    [{ body: {} }, "payload.url"],
    [{ connection: "make", url: "https://a.example/", body: {} }, "payload.url"],
    [{ connection: "mail", body: {} }, "payload.connection"],
    [{ url: "nowhere", body: {} }, "payload.url"],
    [{ connection: "make" }, "payload.body"],
    [{ connection: "make", body: {}, id: "a.b" }, "payload.id"],
    [{ connection: "make", body: {}, about: ["Ada"] }, "payload.about[0]"],
    [{ connection: "make", body: {}, secret: "x" }, "payload.secret"],
  ])("%j is wrong in %s", (payload, path) => expect(webhook).toRefuse(payload, path));

  test("shows neither body nor address", () => {
    expect(mask(webhook.payload, { url: "https://a.example/s3cret", body: { email: "ada@example.com" }, about: ["lead:1"] })).toEqual({
      url: masked,
      body: { email: masked },
      about: ["lead:1"],
    });
  });

  test.each<[Input, string]>([
    [{ connection: "make", body: 1 }, "make"],
    [{ subscription: "saas", body: 1 }, "subscription-saas"],
    [{ destination: "erp", body: 1 }, "destination-erp"],
    [{ url: "https://a.example:8443/x", body: 1 }, "hook-a.example:8443"],
  ])("%j is held back by %s alone", (input, gate) => expect(webhook.gates(v.parse(webhook.payload, input))).toEqual([gate]));
});

test("the receiver being gone is remembered, and a dead letter", async () => {
  const { job, retired } = await work({ subscription: "saas", body: {} }, { failure: { class: "config", reason: "webhook: 410", code: "gone" } });
  expect(job).toBeDiscarded("webhook: 410");
  expect(retired).toEqual([["webhook: 410", job.id]]);
});

test("a delivery is found by where it goes", () => {
  const keys = (input: Input) => webhook.entities(v.parse(webhook.payload, input));
  expect([keys({ subscription: "saas", about: ["lead:1"], body: 1 }), keys({ destination: "erp", body: 1 }), keys({ connection: "make", body: 1 })]).toEqual([
    ["lead:1", "subscription:saas"],
    ["destination:erp"],
    [],
  ]);
});

test.each(["transient", "uncertain"] as const)("%s trouble is tried again, under the same id", async (kind) => {
  const { job, sent } = await work({ connection: "make", body: {} }, { failure: { class: kind, reason: "r" } });
  expect(job).toBeRetried("r");
  expect(await job.next()).toBeRetried("r");
  expect(sent.map(({ id }) => id)).toEqual([job.id, job.id]);
});

test("a receiver that is asked too often is waited for", async () => {
  const { job } = await work({ connection: "make", body: {} }, { failure: { class: "limited", reason: "webhook: 429", retryAfter: 30 } });
  expect(job).toHaveWaited("webhook: 429", 30);
});

test("what will never succeed, no receiver, and what goes round in a circle are dead letters; the last two without a call", async () => {
  const refused = await work({ connection: "make", body: {} }, { failure: { class: "permanent", reason: "webhook: 400" } });
  expect(refused.job).toBeDiscarded("webhook: 400");
  const nowhere = await work({ connection: "make", body: {} }, { missing: 'the connection "make" is missing' });
  expect(nowhere.job).toBeDiscarded('the connection "make" is missing');
  const round = await work({ connection: "make", body: {}, hops: 6 });
  expect(round.job).toBeDiscarded(/passed through here 6 times/);
  expect([nowhere.sent, round.sent]).toEqual([[], []]);
});

test("sends the body under the job's id, or one that was given, and keeps the answer", async () => {
  const { job, sent } = await work({ connection: "make", body: { a: [1, "ž"] } });
  expect(sent).toEqual([{ id: job.id, body: '{"a":[1,"ž"]}', hops: 0 }]);
  expect(job).toBeDone({ status: 201, response: "thanks" });
  expect(job).toHaveMade("deliver");
  expect((await work({ connection: "make", body: 1, id: "sub-7" })).sent[0]?.id).toBe("sub-7");
});

test("a dry run makes no call", async () => {
  const { job, sent } = await work({ connection: "make", body: {} }, { dryRun: true });
  expect(job).toBeDone();
  expect(job).toHavePlanned("deliver");
  expect(sent).toEqual([]);
});
