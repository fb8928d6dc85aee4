import * as v from "valibot";
import { beforeEach, expect, test } from "vitest";
import { failed, outcomeOf } from "../../src/queue/effect";
import { defineJob, job } from "../../src/queue/job";
import { discard, done, retry, wait, type Outcome } from "../../src/queue/outcome";
import { personal } from "../../src/masking/personal";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const address = "anna.schmidt@shop.example";
const secret = "Bearer abcdef123456";
const privateText = `550 no mailbox ${address} (${secret})`;

const contract = defineJob({
  type: "mail",
  queue: "events",
  payload: v.strictObject({ to: v.pipe(v.string(), v.email(), personal()), how: v.string() }),
  policy: { maxAttempts: 1, timeout: 5 },
  entities: () => ["to:hashed"],
});

const behaviours: { [how: string]: () => Outcome | Promise<Outcome> } = {
  done: () => done({ sentTo: address }),
  retry: () => retry(privateText),
  discard: () => discard(privateText),
  wait: () => wait(privateText, { until: 0 }),
  throw: () => {
    throw new Error(privateText);
  },
  "throw text": () => {
    throw privateText; // oxlint-disable-line no-throw-literal -- modules of others do
  },
};

test.each(Object.keys(behaviours))("nothing personal leaves with an event or a reason: %s", async (how) => {
  const bench = createEngineBench({ jobs: [job(contract, async (payload) => behaviours[payload.how]?.() ?? done())] });
  const id = await bench.acceptOne({ type: "mail", payload: { to: address, how } });
  await bench.deliver(bench.held.slice());
  expectClean(bench.events);
  const row = await bench.row(id);
  expectClean([row?.reason, row?.progress, await bench.all("SELECT * FROM dead_letters"), await bench.all("SELECT * FROM history")]);
});

test("a provider that echoes the address", async () => {
  const bench = createEngineBench({
    jobs: [
      job(contract, async (_payload, context) => {
        await context.progress(1, 2, `sending to ${address}`);
        const reply = await context.effect("send", async () => failed({ class: "permanent", reason: privateText }));
        return reply.ok ? done() : outcomeOf(reply.failure, context.now());
      }),
    ],
  });
  const id = await bench.acceptOne({ type: "mail", payload: { to: address, how: "x" } });
  await bench.deliver(bench.held.slice());
  const row = await bench.row(id);
  expect(row).toMatchObject({ state: "discarded" });
  expectClean([bench.events, row?.reason, row?.progress, await bench.all("SELECT * FROM dead_letters"), await bench.all("SELECT * FROM effects")]);
});

test("a refused payload: the receipt names the field, not its value", async () => {
  const bench = createEngineBench({ jobs: [job(contract, async () => done())] });
  const receipts = await bench.accept([
    { type: "mail", payload: { to: "anna.schmidt at shop.example", how: address } },
    { type: "mail", payload: { to: address } },
    { type: "mail", payload: { to: address, how: "x", extra: address } },
    { type: "mail", payload: address },
  ]);
  expect(receipts.every(({ ok }) => !ok)).toBe(true);
  expectClean([receipts, bench.events]);
  expect(JSON.stringify(receipts)).not.toContain("anna");
});

test.each(["insert", "claim", "settle", "unsent"])("a ledger that fails at %s and echoes its statement", async (call) => {
  const bench = createEngineBench({ jobs: [job(contract, async () => retry("x", { after: 1 }))] });
  const { ledger } = bench.engine;
  bench.engine.ledger = new Proxy(ledger, {
    get: (target, name) => (name === call ? () => Promise.reject(new Error(`D1_ERROR near ${privateText}`)) : target[name as keyof typeof target]),
  });
  if (call === "unsent") bench.faults.send = true;
  await bench.accept([{ type: "mail", payload: { to: address, how: "x" } }]);
  await bench.deliver(bench.held.slice());
  expect(bench.troubles()).not.toEqual([]);
  expectClean(bench.events);
});

test("a queue or a store that echoes the body", async () => {
  const bench = createEngineBench({ jobs: [job(contract, async () => done())] });
  bench.engine.queue = () => ({ sendBatch: () => Promise.reject(new Error(privateText)) }) as unknown as Queue;
  bench.engine.payloads = { put: () => Promise.reject(new Error(privateText)), get: () => Promise.reject(new Error(privateText)) };
  await bench.accept([
    { type: "mail", payload: { to: address, how: "x" } },
    { type: "mail", payload: { to: address, how: "x".repeat(100_000) } },
  ]);
  expect(
    bench
      .troubles()
      .map(({ where }) => where)
      .toSorted(),
  ).toEqual(["payloads", "send"]);
  expectClean(bench.events);
});

function expectClean(value: unknown): void {
  const text = JSON.stringify(value);
  expect(text).not.toContain("anna.schmidt@");
  expect(text).not.toContain("abcdef123456");
}

test("a provider's own sentence stands in the job's row alone, and goes when the job is done", async () => {
  let isDown = true;
  const failure = { class: "transient", reason: "mail: 422 validation_error", providerMessage: privateText } as const;
  const run = async () => (isDown ? outcomeOf(failure, 0) : done({ ok: true }));
  const twice = defineJob({ type: "mail", queue: "events", payload: contract.payload, policy: { maxAttempts: 2, timeout: 5 } });
  const bench = createEngineBench({ jobs: [job(twice, run)] });
  const id = await bench.acceptOne({ type: "mail", payload: { to: address, how: "x" } });
  await bench.deliver(bench.held.slice());
  expect(await bench.row(id)).toMatchObject({ reason: "mail: 422 validation_error", provider_message: privateText });
  expectClean(bench.events);
  expectClean([await bench.all("SELECT * FROM dead_letters"), await bench.all("SELECT * FROM history")]);
  isDown = false;
  bench.advance(60_000);
  await bench.deliver(bench.held.slice());
  expect(await bench.row(id)).toMatchObject({ state: "done", provider_message: null });
});
