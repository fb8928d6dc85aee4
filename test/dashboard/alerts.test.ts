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
  const rule = {
    name: "night",
    minSeverity: "warning",
    slack: true,
    email: ["ops@example.com"],
    destination: "pager",
    enabled: true,
    unconnected: [],
    ...dated,
  };
  const builtIn = { inForce: false, minSeverity: "warning", slack: true, email: ["night@example.com"], unconnected: [] };
  const unconnected = [
    { channel: "email", reason: "The connection mail is not set." },
    { channel: "webhook", reason: "There is no destination pager." },
  ];
  api.answers.set("GET /v1/alert-rules", { rules: [{ ...rule, unconnected }], builtIn: { ...builtIn, inForce: true } });
  const connection = { provider: "slack", ...dated };
  api.answers.set("GET /v1/connections", { connections: [] });
  const without = await (await get("/t/demo/alerts")).text();
  expect(without.match(/not sent<\/span> [^<]*/g)).toEqual([
    "not sent</span> By mail: The connection mail is not set.",
    "not sent</span> To the destination: There is no destination pager.",
  ]);
  const goesOn = "No rule that is on reaches a channel. Until one does, warnings and worse go to Slack, night@example.com";
  expect(without).toContain(goesOn);
  const isTicked = (html: string) =>
    /<dialog id="ask-put-alert-rule-demo-new".*?<input type="checkbox" name="slack"( checked)?/s.exec(html)?.[1] === " checked";
  expect(isTicked(without)).toBe(false);
  api.answers.set("GET /v1/alert-rules", { rules: [rule], builtIn });
  api.answers.set("GET /v1/connections", { connections: ["slack", "mail"].map((name) => ({ name, ...connection })) });
  const withBoth = await (await get("/t/demo/alerts")).text();
  expect(withBoth).not.toContain("Until one does");
  expect([withBoth.includes("not sent"), isTicked(withBoth)]).toEqual([false, true]);
});

test("an alert has the report's sentence and its remedies, leads to what it is about, and is not red once it is not seen any more", async () => {
  const { api, get } = await visitor(people.operator);
  const [alert] = (api.answers.get("GET /v1/alerts") as { alerts: object[] }).alerts;
  const seen = { ...alert, cause: "finding/critical/circuit-open/gate/mail", subject: "gate/mail", reason: "as it was", sentence: "as it is" };
  const gone = { ...seen, cause: "finding/critical/stuck/queue/events", subject: "queue/events", notSeenSince: "2026-11-21T11:58:00.000Z", actions: [] };
  api.answers.set("GET /v1/alerts", { alerts: [seen, gone] });
  const html = await (await get("/t/demo/alerts")).text();
  const [, first = "", second = ""] = html.split(/<tr id="alert-/);
  expect(first).toContain('<a href="/t/demo/flow">gate/mail</a>');
  expect(first).toContain("as it is");
  expect(first).not.toContain("as it was");
  expect(first).toContain('action="/t/demo/do/probe-gate"');
  expect(first).toContain('class="state broken"');
  expect(second).toContain('<a href="/t/demo/flow/events">queue/events</a>');
  expect(second).toMatch(/Last seen <time dateTime="2026-11-21T11:58:00.000Z"/i);
  expect(second).not.toContain('class="state broken"');
});
