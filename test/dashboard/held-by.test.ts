import { expect, test } from "vitest";
import { heldText, topHeldText } from "../../src/dashboard/flow/held-by";
import { people } from "./desk";
import { visitor } from "./visitor";

const why = (code: "at-limit" | "circuit-open", sentence: string) => ({ code, sentence, since: null, actions: [], tenant: "demo" });
const open = why("circuit-open", "The circuit of mail is open; 7 jobs wait for it.");
const closed = why("at-limit", "7 jobs wait for mail, which lets jobs in again: they go on within the next minute.");

test.each([
  ["mail: open", open, "by the open circuit of mail"],
  ["mail: open", null, "by the open circuit of mail"],
  ["mail: open", closed, "at mail, go on within a minute"],
  ["crm: open", closed, "by the open circuit of crm"],
  ["mail", open, "by the open circuit of mail"],
  ["mail", closed, "at mail"],
  ["mail: rate", null, "by the rate of mail"],
  ["shop:main: concurrency", null, "by the limit of shop:main"],
  ["pause/tenant/gamma", null, "by the pause of the tenant gamma"],
  ["the campaign's rate", null, "– the campaign's rate"],
  ["a person has to approve save_texts", null, "– a person has to approve save_texts"],
])("%s is shown as what holds the jobs now", (cause, reason, text) => {
  expect(heldText(cause, reason)).toBe(text);
});

test("Now names no open circuit while none is open", async () => {
  const { get, api } = await visitor(people.operator);
  const [queue] = (api.answers.get("GET /v1/queues") as { queues: object[] }).queues;
  const held = { ...queue, health: "held", heldBy: [{ cause: "mail: open", count: 7 }], why: closed };
  api.answers.set("GET /v1/queues", { queues: [held] });
  expect(await (await get("/t/demo/")).text()).toContain("at mail, go on within a minute");
  expect(topHeldText({ heldBy: [], why: null })).toBeUndefined();
});
