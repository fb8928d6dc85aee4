import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { lead } from "../../src/jobs/lead/job";
import { enqueue } from "../../src/queue/enqueue";
import { job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { statesOf } from "../support/jobs-of";
import { createIntakeBench } from "./bench";

const intake = createIntakeBench();
const stored: string[] = [];
const take = async ({ contact }: { contact: { email?: string | undefined } }) => (stored.push(contact.email ?? ""), done());
let apiKey: string;

beforeAll(async () => {
  const { admin } = await intake.tenant("clicks");
  apiKey = (await intake.call("PUT", "/v1/projects/homes", { token: admin, body: { domains: [] } })).body.apiKey;
});
beforeEach(async () => {
  await emptyLedger();
  stored.length = 0;
});

/** The door and the engine together, the ledger there or away. */
function setUp(isLedgerDown: boolean) {
  const engine = createEngineBench({ jobs: [job(lead, take as never)], capabilities: () => Promise.resolve({ leads: {} as never }) });
  intake.deps.enqueue = (requests) => enqueue(engine.engine, requests);
  engine.faults.ledger = isLedgerDown;
  let clicks = 0;
  const click = (email: string, headers: Record<string, string>, more: object = {}) =>
    intake.call("POST", "/v1/leads/clicks/homes", {
      body: { email, __pg_tts: String(++clicks), ...more },
      headers: { "x-api-key": apiKey, "cf-connecting-ip": `192.0.2.${clicks}`, ...headers },
    });
  const deliver = async () => {
    engine.faults.ledger = false;
    for (const message of engine.held.splice(0)) await engine.deliver([message]);
    return statesOf("clicks");
  };
  return { click, deliver };
}

describe.each([
  ["there", false],
  ["away", true],
])("two presses of a button, the ledger %s", (_name, isDown) => {
  test("by nonce are one submission; a corrected form is another", async () => {
    const { click, deliver } = setUp(isDown);
    const answers = [await click("a@example.com", {}, { nonce: "n" }), await click("a@example.com", {}, { nonce: "n" })];
    const corrected = await click("ada@example.com", {}, { nonce: "n" });
    expect([...answers, corrected].map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([answers[1]?.body.id, corrected.body.id === answers[0]?.body.id]).toEqual([answers[0]?.body.id, false]);
    expect(await deliver()).toEqual({ done: 2 });
    expect(stored).toEqual(["a@example.com", "ada@example.com"]);
  });

  test("by Idempotency-Key are one; another lead under it is refused, or a dead letter when no store could compare them", async () => {
    const { click, deliver } = setUp(isDown);
    const key = { "idempotency-key": "k" };
    const answers = [await click("a@example.com", key), await click("a@example.com", key), await click("b@example.com", key)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, isDown ? 200 : 422]);
    expect(answers[1]?.body.id).toBe(answers[0]?.body.id);
    expect(await deliver()).toEqual(isDown ? { discarded: 1, done: 1 } : { done: 1 });
    expect(stored).toEqual(["a@example.com"]);
  });
});
