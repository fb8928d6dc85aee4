import { expect, test } from "vitest";
import { people } from "./desk";
import { visitor } from "./visitor";

test("a test of a rule claims no delivery: it leads to the jobs that tell, and says where there is none", async () => {
  const { api, post } = await visitor(people.admin);
  const sent = [
    { channel: "webhook", id: "j1", reason: null },
    { channel: "email", id: null, reason: "The connection mail is not set." },
  ];
  api.answers.set("POST /v1/alert-rules/night/test", { sent });
  const done = await post("/t/demo/do/test-alert-rule", { name: "night" }, { accept: "text/vnd.jobyard.fragment" });
  expect([done.status, done.headers.get("x-location")]).toEqual([200, "/t/demo/jobs?q=alert-test%3Anight"]);
  expect(await done.text()).toBe("A job takes the test to webhook; it says here whether it arrived. Nothing goes to email: The connection mail is not set.");
});

test("an alert names the channels that it was handed to, each with the jobs that tell how it went", async () => {
  const { api, get } = await visitor(people.operator);
  const [alert] = (api.answers.get("GET /v1/alerts") as { alerts: object[] }).alerts;
  api.answers.set("GET /v1/alerts", { alerts: [{ ...alert, via: ["slack"] }] });
  const html = await (await get("/t/demo/alerts")).text();
  expect(html).toContain('href="/t/demo/jobs?q=alert%3Aslack"');
  expect(html).not.toContain("Sent by");
});

test("a rule says which of its channels reach nothing, and a new one is not ticked for Slack without the connection", async () => {
  const { api, get } = await visitor(people.admin);
  const dated = { created: "2026-11-21T11:00:00.000Z", updated: "2026-11-21T11:00:00.000Z" };
  const rule = { name: "night", minSeverity: "warning", slack: true, email: ["ops@example.com"], enabled: true, ...dated };
  api.answers.set("GET /v1/alert-rules", { rules: [rule] });
  const connection = { provider: "slack", ...dated };
  api.answers.set("GET /v1/connections", { connections: [] });
  const without = await (await get("/t/demo/alerts")).text();
  expect([...without.matchAll(/the connection (\w+) is not set/g)].map(([, name]) => name)).toEqual(["slack", "mail"]);
  const isTicked = (html: string) =>
    /<dialog id="ask-put-alert-rule-demo-new".*?<input type="checkbox" name="slack"( checked)?/s.exec(html)?.[1] === " checked";
  expect(isTicked(without)).toBe(false);
  api.answers.set("GET /v1/connections", { connections: ["slack", "mail"].map((name) => ({ name, ...connection })) });
  const withBoth = await (await get("/t/demo/alerts")).text();
  expect([withBoth.includes("is not set"), isTicked(withBoth)]).toEqual([false, true]);
});
