import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { webhook } from "../../src/jobs/webhook/job";
import { runWebhook } from "../../src/jobs/webhook/run";
import type { HookMessage } from "../../src/providers/hooks/hooks";
import { failed, type Failure, ok } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { mask, masked } from "../../src/masking/personal";
import { checkPayload } from "../../src/queue/registry";
import { fakeContext, type FakeOptions } from "./fake-context";

type Input = InputOf<typeof webhook>;

async function run(input: Input, { failure, missing, ...options }: FakeOptions & { failure?: Failure; missing?: string } = {}) {
  const sent: HookMessage[] = [];
  const retired: string[][] = [];
  const post = async (message: HookMessage) => (sent.push(message), failure ? failed(failure) : ok({ status: 201, response: "thanks" }));
  const retire = async (reason: string, job: string) => void retired.push([reason, job]);
  const hooks = { open: async () => (missing === undefined ? { idempotentFor: 60, post, retire } : { missing }) };
  const outcome = await runWebhook(v.parse(webhook.payload, input), { ...fakeContext(options), hooks });
  return { outcome, sent, retired };
}

describe("the payload", () => {
  const wrong = (payload: unknown) => {
    const checked = checkPayload(webhook, payload);
    return checked.ok ? [] : checked.issues.map(({ path }) => path);
  };
  test.each<[unknown, string[]]>([
    [{ body: {} }, ["payload.url"]],
    [{ connection: "make", url: "https://a.example/", body: {} }, ["payload.url"]],
    [{ connection: "mail", body: {} }, ["payload.connection"]],
    [{ url: "nowhere", body: {} }, ["payload.url"]],
    [{ connection: "make" }, ["payload.body"]],
    [{ connection: "make", body: {}, id: "a.b" }, ["payload.id"]],
    [{ connection: "make", body: {}, about: ["Ada"] }, ["payload.about[0]"]],
    [{ connection: "make", body: {}, secret: "x" }, ["payload.secret"]],
  ])("%j is wrong in %j", (payload, paths) => expect(wrong(payload)).toEqual(paths));

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
  const { outcome, retired } = await run({ subscription: "saas", body: {} }, { failure: { class: "config", reason: "webhook: 410", code: "gone" } });
  expect([outcome.kind, retired]).toEqual(["discard", [["webhook: 410", "job-1"]]]);
});

test("a delivery is found by where it goes", () => {
  const keys = (input: Input) => webhook.entities(v.parse(webhook.payload, input));
  expect([keys({ subscription: "saas", about: ["lead:1"], body: 1 }), keys({ destination: "erp", body: 1 }), keys({ connection: "make", body: 1 })]).toEqual([
    ["lead:1", "subscription:saas"],
    ["destination:erp"],
    [],
  ]);
});

test.each<[Failure["class"], string]>([
  ["transient", "retry"],
  ["uncertain", "retry"],
  ["limited", "wait"],
  ["permanent", "discard"],
])("%s trouble ends in %s", async (kind, expected) => {
  expect((await run({ connection: "make", body: {} }, { failure: { class: kind, reason: "r" } })).outcome.kind).toBe(expected);
});

test("no receiver, and what goes round in a circle, are dead letters without a call", async () => {
  const answers = [
    await run({ connection: "make", body: {} }, { missing: 'the connection "make" is missing' }),
    await run({ connection: "make", body: {}, hops: 6 }),
  ];
  expect(answers.map(({ outcome, sent }) => [outcome.kind, sent])).toEqual([
    ["discard", []],
    ["discard", []],
  ]);
});

test("sends the body under the job's id, or one that was given, and keeps the answer", async () => {
  const { outcome, sent } = await run({ connection: "make", body: { a: [1, "ž"] } });
  expect(sent).toEqual([{ id: "job-1", body: '{"a":[1,"ž"]}', hops: 0 }]);
  expect(outcome).toMatchObject({ kind: "done", result: { status: 201, response: "thanks" } });
  expect((await run({ connection: "make", body: 1, id: "sub-7" })).sent[0]?.id).toBe("sub-7");
});

test("a dry run calls nobody", async () => {
  const { outcome, sent } = await run({ connection: "make", body: {} }, { dryRun: true });
  expect([outcome.kind, sent]).toEqual(["done", []]);
});
