import { expect, test } from "vitest";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const at = new Date(now - 3_600_000).toISOString();
const built = { builtIn: true, enabled: true, events: ["lead.created"], filter: null, delaySeconds: 0, host: null, retired: null, retiredAt: null };
const slack = { ...built, name: "slack", retired: "Slack: 404 no_service", retiredAt: at, created: at, updated: at };

test("Settings shows receivers of events: a tenant's own, and the built-in ones that are not on", async () => {
  const api = createFakeApi(now);
  const own = { ...slack, builtIn: false, host: "pager.example.com", retired: null, retiredAt: null, name: "pager" };
  api.answers.set("GET /v1/destinations", { destinations: [slack, { ...built, name: "crm", created: null, updated: null }, own] });
  api.answers.set("GET /v1/subscriptions", { subscriptions: [] });
  const html = await (await (await visitor(people.reader, api)).get("/t/demo/settings")).text();
  expect([...html.matchAll(/<tr id="(destination-[^"]*)"/g)].map(([, id]) => id)).toEqual(["destination-slack", "destination-pager"]);
  expect(html).toContain("Slack: 404 no_service; it is on again once it is set anew");
});

test("the finding of a receiver that is off leads to Settings", async () => {
  const api = createFakeApi(now);
  const actions = [{ method: "GET", path: "/v1/destinations/slack", label: "Look" }];
  const finding = {
    code: "receiver-off",
    severity: "warning",
    sentence: "It is off.",
    since: at,
    count: 1,
    subject: "destination/slack",
    tenant: "demo",
    actions,
  };
  api.answers.set("GET /v1/report", { ok: false, findings: [finding] });
  const html = await (await (await visitor(people.root, api)).get("/t/*/")).text();
  expect(html).toContain('<a class="button" href="/t/demo/settings">Look</a>');
});
