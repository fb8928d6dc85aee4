import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { WorkerEnv } from "../../src/env";
import worker from "../../src/index";
import { queues } from "../../src/jobs/queues";
import { useAlone } from "./alone";
import { fuzz, mutated, nasty } from "./values";

/** Bodies as the Worker itself sends them: one job, one with a key, and a pack. */
const sent: { queue: string; body: unknown }[] = [];
const metrics = { backlogCount: 0, backlogBytes: 0 };
const sinkOf = (queue: string) => ({
  sendBatch: async (messages: Iterable<MessageSendRequest>) => {
    for (const { body } of messages) sent.push({ queue, body });
    return { metadata: { metrics } };
  },
  metrics: async () => metrics,
});
const fuzzed = { ...env, ...Object.fromEntries(Object.entries(queues).map(([name, { binding }]) => [binding, sinkOf(name)])) } as unknown as WorkerEnv;

useAlone(fuzzed);
beforeAll(async () => {
  await ask("PUT", "/v1/tenants/own", { name: "Own" });
  await ask("POST", "/v1/jobs", { type: "email", payload: { to: "a@example.com", subject: "x", text: "y" } });
  await ask(
    "POST",
    "/v1/jobs",
    { type: "image", payload: { key: "a.png", operations: [{ type: "thumbnail", width: 10, height: 10 }] } },
    { "idempotency-key": "1" },
  );
  await ask("POST", "/v1/jobs/batch", { jobs: Array(5).fill({ type: "analytics", payload: { event: "page.viewed" } }) });
});

async function ask(method: string, path: string, body: unknown, more: Record<string, string> = {}): Promise<void> {
  const headers = { authorization: `Bearer ${env.ROOT_TOKEN}`, "jobyard-tenant": "own", ...more };
  const request = new Request(`https://jobs.example.com${path}`, {
    method,
    headers: method === "PUT" ? { authorization: headers.authorization } : headers,
    body: JSON.stringify(body),
  });
  const response = await (worker.fetch as (request: Request, env: WorkerEnv) => Promise<Response>)(request, fuzzed);
  const text = await response.text();
  expect(response.status, `${path}: ${text}`).toBeLessThan(300);
  expect(text).not.toContain('"code"');
}

test("whatever a queue delivers, every message is answered, and consuming does not throw", async () => {
  expect(sent.length).toBeGreaterThanOrEqual(3);
  const body = fc.oneof(
    { weight: 4, arbitrary: mutated(fc.constantFrom(...sent.map((each) => each.body))) },
    // A body that lost its end, as text.
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...sent.map((each) => JSON.stringify(each.body))), fc.nat({ max: 300 })).map(([text, at]) => text.slice(0, at)),
    },
    { weight: 1, arbitrary: nasty },
  );
  const batch = fc.record({ queue: fc.constantFrom(...Object.keys(queues)), bodies: fc.array(body, { minLength: 1, maxLength: 4 }) });
  const consume = async ({ queue, bodies }: { queue: string; bodies: unknown[] }) => {
    const answers = bodies.map(() => 0);
    const messages = bodies.map((each, index) => ({
      ...{ id: `m${index}`, timestamp: new Date(), body: each, attempts: 1, metadata: {} },
      ack: () => void answers[index]!++,
      retry: () => void answers[index]!++,
    }));
    await (worker.queue as (batch: unknown, env: WorkerEnv) => Promise<void>)({ queue, messages, metadata: { metrics } }, fuzzed);
    expect(answers).toEqual(bodies.map(() => 1));
  };
  await fc.assert(fc.asyncProperty(batch, consume), { numRuns: fuzz.runs * 20, seed: fuzz.seed });
});
