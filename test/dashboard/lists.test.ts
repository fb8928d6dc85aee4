import { describe, expect, test } from "vitest";
import { answersOf, idOf } from "./answers";
import { createFakeApi, people, problem } from "./desk";
import { now, visitor } from "./visitor";

const fresh = () => createFakeApi(now, answersOf({ rows: 3, text: "shop", now }));
const firstOf = (api: ReturnType<typeof fresh>, path: string, field: string) => {
  const [first] = (api.answers.get(path) as Record<string, object[]>)[field] ?? [];
  return first ?? {};
};

describe("a search for jobs", () => {
  const searched = async (q: string) => {
    const api = fresh();
    api.answers.set("GET /v1/jobs", { jobs: [], cursor: null });
    return (await (await visitor(people.operator, api)).get(`/t/demo/jobs?q=${encodeURIComponent(q)}`)).text();
  };

  test.each([
    ["type:emial", "There is no type emial."],
    ["queue:nope", "There is no queue nope."],
    ["site:shop-9", "There is no site shop-9."],
  ])("by a name that nothing bears says so: %s", async (q, text) => {
    expect(await searched(q)).toContain(text);
    expect(await searched(q)).not.toContain("No job fits");
  });

  test.each(["type:email", "queue:shop", "queue:overflow", "site:shop-0", "nothing of that kind"])(
    "by a known name that finds none says that: %s",
    async (q) => {
      expect(await searched(q)).toContain("No job fits.");
    },
  );

  test.each(["state:retryin type:email", "from:6x", "x".repeat(300)])("that is refused keeps the box with what was typed, and says why: %s", async (q) => {
    const api = fresh();
    api.answers.set("GET /v1/jobs", () => problem(422, "The query is wrong: state must be one of queued, running."));
    const answer = await (await visitor(people.operator, api)).get(`/t/demo/jobs?q=${encodeURIComponent(q)}&siteId=shop-1`);
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(html).toMatch(new RegExp(`<input id="q"[^>]* value="${q}"`));
    expect(html).toContain('<input type="hidden" name="siteId" value="shop-1"');
    expect(html).not.toContain('type="hidden" name="state"');
    expect(html).toMatch(/role="alert"[^>]*>The query is wrong: state must be one of queued, running\./);
    api.answers.set("GET /v1/jobs", () => problem(503, "The ledger is away."));
    expect((await (await visitor(people.operator, api)).get("/t/demo/jobs?q=x")).status).toBe(503);
  });

  test.each(["cancel", "replay", "dismiss"])("whose bulk %s meets nothing says why", async (verb) => {
    const api = fresh();
    const none = {
      ...(verb === "replay" ? { refused: [], checked: 0, effects: { done: 0, inDoubt: 0 }, providerCalls: 0, usd: 0, running: [] } : {}),
      total: 0,
      byType: {},
    };
    for (const path of ["/v1/jobs/cancel", "/v1/replays", "/v1/dead-letters/dismiss"]) api.answers.set(`POST ${path}`, { ...none, more: false });
    const { get } = await visitor(people.operator, api);
    const planned = async (query: string) => (await get(`/t/demo/bulk?verb=${verb}&${query}`)).text();
    expect(await planned("type=emial")).toContain("There is no type emial.");
    expect(await planned("type=email")).toContain("No job for which this is possible matches the filter.");
    expect(await planned("ids=01jy")).toContain("The ticked jobs have changed since");
  });
});

describe("a count", () => {
  test("of ready jobs on a queue's page leads to them, and nowhere where the list has more", async () => {
    const api = fresh();
    const queue = firstOf(api, "GET /v1/queues", "queues");
    const shown = async (scheduled: number) => {
      api.answers.set("GET /v1/queues", { queues: [{ ...queue, scheduled }] });
      return (await (await visitor(people.operator, api)).get("/t/demo/flow/email-sending")).text();
    };
    expect(await shown(0)).toContain("queue=email-sending&amp;state=queued");
    expect(await shown(5)).not.toContain("queue=email-sending&amp;state=queued");
    expect(await shown(5)).toContain("queue=email-sending&amp;state=scheduled");
  });

  test("of a group's retrying jobs leads to these, or says that the list has all of the type", async () => {
    const api = fresh();
    const group = api.answers.get("GET /v1/failures/g0") as object;
    const link = async (title: string) => {
      api.answers.set("GET /v1/failures/g0", { ...group, type: "email", title });
      const html = await (await (await visitor(people.reader, api)).get("/t/demo/failures/g0")).text();
      return /<a href="(\/t\/demo\/jobs\?[^"]*state=retrying)">([^<]*)</.exec(html)?.slice(1);
    };
    // The group has failures of other status codes too.
    for (const title of ["mail: # validation_error", "mail: 422 validation_error"])
      expect(await link(title)).toEqual(["/t/demo/jobs?q=%22validation_error%22&amp;type=email&amp;state=retrying", "Its retrying jobs"]);
    expect(await link("SMTP: #")).toEqual(["/t/demo/jobs?type=email&amp;state=retrying", "All retrying email jobs"]);
  });

  test("of what a tenant's jobs are held by is the same as on Flow", async () => {
    const api = fresh();
    const group = firstOf(api, "GET /v1/stats", "groups");
    const stats = api.answers.get("GET /v1/stats") as object;
    const open = { running: 1, ready: 2, held: 4, parked: 5, retrying: 8, scheduled: 16 };
    api.answers.set("GET /v1/stats", { ...stats, groups: [{ ...group, name: "acme", open }] });
    const html = await (await (await visitor(people.root, api)).get("/t/*/")).text();
    const cells = /<tr id="share-acme">(.*?)<\/tr>/s.exec(html)?.[1]?.match(/>([\d,]+)<\/td>/g);
    expect(cells?.slice(0, 5)).toEqual([1, 2, 9, 8, 16].map((count) => `>${count}</td>`));
  });
});

describe("a campaign", () => {
  const shown = async (change: object) => {
    const api = fresh();
    api.answers.set("GET /v1/campaigns", { campaigns: [{ ...firstOf(api, "GET /v1/campaigns", "campaigns"), ...change }], cursor: null });
    return (await (await visitor(people.admin, api)).get("/t/demo/campaigns")).text();
  };

  test("of which each mail failed does not read as success", async () => {
    const html = await shown({ state: "done", total: 12, queued: 0, sent: 0, failed: 12, suppressed: 0 });
    expect(html).toMatch(/class="state broken">.*done: none was sent/);
    expect(html).toContain("12 of 12 are dealt with · 0 sent, 12 failed");
    expect(html).not.toContain("100 %");
    expect(await shown({ state: "done", total: 12, queued: 0, sent: 11, failed: 1 })).toMatch(/class="state well">/);
  });

  test("has a page with its counts, reasons, failed pages and the lines that got no mail, linked from the list", async () => {
    const api = fresh();
    const seen = await visitor(people.admin, api);
    expect(await (await seen.get("/t/demo/campaigns")).text()).toContain('href="/t/demo/campaigns/c1"');
    const answer = api.answers.get("GET /v1/campaigns/c1") as object;
    api.answers.set("GET /v1/campaigns/c1", {
      ...{ ...answer, state: "done", total: 3, queued: 0, sent: 0, failed: 3, suppressed: 0 },
      reasons: [{ state: "failed", reason: 'the variable "unsubscribe_url" is not given', count: 2 }],
      pages: [{ page: 1, recipients: 1, jobId: "j1", state: "dead", reason: "mail: 422" }],
    });
    const html = (await (await seen.get("/t/demo/campaigns/c1")).text()).replaceAll("&quot;", '"');
    expect(html).toMatch(/class="state broken">.*done: none was sent/);
    expect(html).toMatch(/the variable "unsubscribe_url" is not given.*?<td class="num">2<\/td>/s);
    expect(html).toMatch(/href="\/t\/demo\/jobs\/j1".*?<td class="num">1<\/td>.*?mail: 422/s);
    expect(html).toContain('href="?cursor=9"');
    expect(html).not.toContain("pause-campaign");
    const job = (api.answers.get(`GET /v1/jobs/${idOf(2)}`) as (query: object) => object)({});
    api.answers.set(`GET /v1/jobs/${idOf(2)}`, { ...job, type: "campaign-page", payload: { campaign: "c1", page: 0 } });
    expect(await (await seen.get(`/t/demo/jobs/${idOf(2)}`)).text()).toContain('href="/t/demo/campaigns/c1"');
  });

  test("without recipients is not offered to be started", async () => {
    expect(await shown({ state: "draft", total: 0, queued: 0 })).not.toContain("start-campaign");
    expect(await shown({ state: "draft", total: 1, queued: 1 })).toContain("start-campaign");
  });
});

test("a paused site is tested; a sync that would wait with the others is not offered", async () => {
  const api = fresh();
  const site = api.answers.get("GET /v1/sites/shop-0") as { sync: object };
  const shown = async () => (await (await visitor(people.admin, api)).get("/t/demo/sites/shop-0")).text();
  expect(await shown()).not.toContain("sync-orders-now");
  expect(await shown()).toContain("test-site");
  api.answers.set("GET /v1/sites/shop-0", { ...site, sync: { ...site.sync, paused: null } });
  expect(await shown()).toContain("sync-orders-now");
});

test("a queue's page for all tenants shows the pause of a tenant that holds its jobs, and no other tenant's", async () => {
  const api = fresh();
  const pause = (name: string) => ({
    scope: "tenant",
    name,
    tenant: name,
    since: new Date(now).toISOString(),
    actor: "root",
    actorName: null,
    reason: "a move",
  });
  api.answers.set("GET /v1/pauses", { pauses: [pause("gamma"), pause("delta")] });
  const queue = firstOf(api, "GET /v1/queues", "queues");
  api.answers.set("GET /v1/queues", { queues: [{ ...queue, heldBy: [{ cause: "pause/tenant/gamma", count: 3 }] }] });
  const html = await (await (await visitor(people.root, api)).get("/t/*/flow/email-sending")).text();
  expect(html).toContain("tenant gamma");
  expect(html).toContain('action="/t/gamma/do/resume-tenant"');
  expect(html).not.toContain("tenant delta");
});

test("the list of all tenants marks a paused one", async () => {
  const api = fresh();
  const list = api.answers.get("GET /v1/tenants") as { tenants: { tenant: string }[] };
  const [first] = list.tenants;
  const pause = { tenant: first?.tenant, scope: "tenant", name: first?.tenant, since: new Date(now).toISOString(), actor: "root", reason: null };
  api.answers.set("GET /v1/pauses", { pauses: [pause] });
  const html = await (await (await visitor(people.root, api)).get("/t/*/tenants")).text();
  expect(html.match(/<tr [^>]*id="tenant-[^"]*".*?<\/tr>/gs)?.map((row) => /‖.*paused/s.test(row))).toEqual(list.tenants.map((_, place) => place === 0));
});

test("the next page of an agent's runs is of that agent", async () => {
  const api = fresh();
  const runs = api.answers.get("GET /v1/agent-runs") as object;
  api.answers.set("GET /v1/agent-runs", { ...runs, cursor: "older" });
  const { get } = await visitor(people.reader, api);
  expect(await (await get("/t/demo/agents?agentType=agent-0")).text()).toContain('href="/t/demo/agents?agentType=agent-0&amp;cursor=older"');
  expect(await (await get("/t/demo/agents")).text()).toContain('href="/t/demo/agents?cursor=older"');
});

describe("the switch to another tenant", () => {
  const target = async (path: string, tenant = "acme") => {
    const { get } = await visitor(people.root, fresh());
    const html = await (await get(path)).text();
    const page = /name="page" value="([^"]*)"/.exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";
    return (await get(`/go?${new URLSearchParams({ tenant, page })}`)).headers.get("location");
  };

  test.each([
    ["/t/demo/jobs?q=order%3A7&state=dead&cursor=x", "/t/acme/jobs?q=order%3A7&state=dead"],
    ["/t/demo/flow/email-sending", "/t/acme/flow/email-sending"],
    ["/t/demo/", "/t/acme/"],
    ["/t/demo/replays/r0", "/t/acme/replays"],
    ["/t/demo/sites/shop-0", "/t/acme/sites"],
    ["/t/demo/bulk?verb=cancel&ids=01jy", "/t/acme/jobs"],
    ["/t/*/tenants", "/t/acme/"],
    ["/t/*/flow", "/t/acme/flow"],
    ["/t/demo/no-such-page", "/t/acme/no-such-page"],
  ])("stays on the page: from %s to %s", async (path, place) => expect(await target(path)).toBe(place));

  test("to all of them keeps the page too, and leads to no other place", async () => {
    expect(await target("/t/demo/flow", "*")).toBe("/t/*/flow");
    const { get } = await visitor(people.root, fresh());
    for (const page of ["//evil.example/", "/../../v1/jobs", "/../other/jobs", "@evil.example", "\r\nset-cookie: a=b", "/%2e%2e/x"])
      expect((await get(`/go?${new URLSearchParams({ tenant: "acme", page })}`)).headers.get("location")).toMatch(/^\/t\/acme(?:\/|$)/);
  });
});

test("who stopped an agent and who decided on a proposal are called by the name of their token", async () => {
  const api = fresh();
  const { agents, ...month } = api.answers.get("GET /v1/agents") as { agents: object[] };
  const stopped = { at: new Date(now).toISOString(), by: "t76pyz", byName: "night shift" };
  api.answers.set("GET /v1/agents", { ...month, agents: agents.map((agent) => ({ ...agent, stopped })) });
  const run = api.answers.get("GET /v1/agent-runs/run-0") as { approval: object };
  const approval = { ...run.approval, state: "approved", decidedBy: "t76pyz", decidedByName: "night shift" };
  api.answers.set("GET /v1/agent-runs/run-0", { ...run, approval });
  const { get } = await visitor(people.reader, api);
  for (const path of ["/t/demo/agents", "/t/demo/agents/run-0"]) {
    const html = await (await get(path)).text();
    expect(html).toContain("by night shift");
    expect(html).not.toContain("t76pyz");
  }
});

test("a proposal is shown whole, since a person approves what is read; what a step read is folded", async () => {
  const api = fresh();
  const run = api.answers.get("GET /v1/agent-runs/run-0") as { steps: object[] };
  const deep = { texts: [{ id: 1, title: { de: ["Neu"] } }] };
  api.answers.set("GET /v1/agent-runs/run-0", { ...run, proposal: deep, steps: run.steps.map((step) => ({ ...step, output: deep })) });
  const html = await (await (await visitor(people.operator, api)).get("/t/demo/agents/run-0")).text();
  const folds = (id: string) => [...html.matchAll(new RegExp(`<details id="${id}[^"]*"( open)?`, "g"))].map(([, open]) => open !== undefined);
  expect(folds("proposal")).toEqual([true, true, true, true, true]);
  expect(folds("step-0-output")).toEqual([true, true, false, false, false]);
});
