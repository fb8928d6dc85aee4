import { describe, expect, test } from "vitest";
import { createDashboard } from "../../src/dashboard";
import { script, style } from "../../src/dashboard/bundle";
import { pages } from "../../src/dashboard/pages";
import { allPages, anyGroup, anyJob, tenantPages } from "../../scripts/bench/page-list";
import { answersOf, idOf } from "./answers";
import { createFakeApi, people, plainVault } from "./desk";
import { now, origin, visitor } from "./visitor";
import { elementsOf, all } from "./addresses";

describe("every page", () => {
  test.each(all.flatMap((path) => [0, 1, 60].map((rows) => [path, rows] as const)))("%s is whole with %i rows", async (path, rows) => {
    const { get } = await visitor(people.root, createFakeApi(now, answersOf({ rows, text: "shop", now })));
    const answer = await get(path);
    expect(answer.status).toBe(200);
    const html = await answer.text();
    expect(html.match(/<h1/g)).toHaveLength(1);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(html).not.toMatch(/undefined|NaN|\[object|Invalid Date/);
  });

  test.each(all)("%s has patterns that a browser can read, and that fit what they are about", async (path) => {
    const html = await (await (await visitor(people.root, createFakeApi(now, answersOf({ rows: 3, text: "sync-orders.v2", now })))).get(path)).text();
    for (const [, pattern = ""] of html.matchAll(/ pattern="([^"]*)"/g)) expect(() => new RegExp(`^(?:${pattern})$`, "v")).not.toThrow();
  });

  test.each(all)("%s shows hostile text as text", async (path) => {
    const { get } = await visitor(people.root);
    const html = await (await get(path)).text();
    // Of a bulk action there are only counts.
    if (!path.endsWith("/bulk/b0")) expect(html).toContain("&lt;img src=x");
    const found = await elementsOf(html);
    expect(found.filter(({ name }) => name === "img")).toEqual([]);
    expect(found.filter(({ name }) => name === "script")).toHaveLength(1);
    const attributes = found.flatMap((element) => element.attributes);
    expect(attributes.filter(([name]) => name.startsWith("on") || name === "style")).toEqual([]);
    expect(attributes.filter(([name, value]) => ["href", "src", "action"].includes(name) && !/^(?:[/?#]|$)/.test(value))).toEqual([]);
    expect(attributes.filter(([name, value]) => name === "href" && /["<>]/.test(value))).toEqual([]);
  });

  test.each(all)("%s shows what would reverse the rest of a sentence by its code", async (path) => {
    const text = "sync\u202eevil\u2066";
    const { get } = await visitor(people.root, createFakeApi(now, answersOf({ rows: 2, text, now })));
    for (const headers of [{}, { accept: "text/vnd.jobyard.fragment" }] as Record<string, string>[]) {
      const html = await (await get(path, headers)).text();
      if (!path.endsWith("/bulk/b0")) expect(html).toContain("sync[U+202E]evil[U+2066]");
      expect(html.replaceAll(/"[^"]*"/g, "").replaceAll(/<textarea[^<]*/g, "")).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    }
  });

  test.each(all)("%s is shown neither to another tenant's token nor without a token", async (path) => {
    const { get, ask } = await visitor(people.operator);
    const foreign = await get(path.replace(/^\/t\/[^/]+/, "/t/other"));
    expect([403, 404]).toContain(foreign.status);
    expect(await foreign.text()).not.toContain("&lt;img");
    if (path.startsWith("/t/*")) expect((await get(path)).status).toBe(403);
    const signedOut = await ask(path);
    expect(await signedOut.text()).toContain('name="token"');
    const stale = await ask(path, { headers: { cookie: "__Host-jobyard=nonsense" } });
    expect(await stale.text()).toContain('name="token"');
  });

  test.each(all)("%s has no control for those who may only read", async (path) => {
    if (path.startsWith("/t/*")) return;
    const readers = await (await (await visitor(people.reader)).get(path)).text();
    expect([...readers.matchAll(/action="([^"]*)"/g)].map(([, action]) => action).filter((action) => action?.includes("/do/"))).toEqual([]);
    expect(readers).not.toContain("<dialog");
    expect(readers).not.toContain("Reveal");
    expect(readers).not.toMatch(/type="checkbox"|name="verb"|\/bulk\?/);
  });

  test.each(all)("%s asks for what has changed only", async (path) => {
    const { get } = await visitor(people.root);
    const first = await get(path, { accept: "text/vnd.jobyard.fragment" });
    expect(await first.text()).toMatch(/^<main id="main"/);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect((await get(path, { accept: "text/vnd.jobyard.fragment", "if-none-match": etag })).status).toBe(304);
  });
});

describe("a page", () => {
  test("runs nothing but its own script: the policy, word for word", async () => {
    const { get } = await visitor(people.operator);
    const answer = await get("/t/demo/");
    expect(answer.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src https://jobs.example.com/assets/; style-src https://jobs.example.com/assets/; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types jobyard",
    );
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-frame-options")).toBe("DENY");
    const html = await answer.text();
    expect([...html.matchAll(/(?:src|href)="(\/assets[^"]+)"/g)].map(([, path]) => path)).toEqual([style.path, script.path]);
  });

  test("of one tenant, asked for about all of them, offers a choice", async () => {
    const { get } = await visitor(people.root);
    expect(await (await get("/t/*/jobs?q=order%3A7")).text()).toContain('href="/t/tenant-0/jobs?q=order%3A7"');
  });

  test("says why it cannot be shown; the script gets the reason alone", async () => {
    const api = createFakeApi(now);
    api.answers.set("GET /v1/queues", () => Response.json({ detail: "The ledger is away." }, { status: 503 }));
    const { get } = await visitor(people.operator, api);
    const whole = await get("/t/demo/flow");
    expect(whole.status).toBe(503);
    expect(await whole.text()).toContain("The ledger is away.");
    const fragment = await get("/t/demo/flow", { accept: "text/vnd.jobyard.fragment" });
    expect([fragment.status, await fragment.text()]).toEqual([503, "The ledger is away."]);
    expect((await get("/t/demo/nothing-here")).status).toBe(404);
  });

  test("says why jobs wait on Flow, on the page of their queue and at their gate, each with what helps", async () => {
    const api = createFakeApi(now, answersOf({ rows: 2, text: "The circuit of mail is open", now }));
    const { get } = await visitor(people.operator, api);
    const flow = await (await get("/t/demo/flow")).text();
    for (const id of ["queue-email-sending-why", "gate-mail0-why"])
      expect(flow).toMatch(new RegExp(`<tr id="${id}" class="because"><td [^>]*>The circuit of mail is open until <time.*?</time>.*?do/probe-gate`));
    expect(flow).toContain('href="/t/demo/flow/email-sending"');
    const queue = await (await get("/t/demo/flow/email-sending")).text();
    expect(queue).toMatch(/<div class="why">The circuit of mail is open until/);
    expect(queue).toContain("gate-mail0-why");
    expect(queue).toContain("queue=email-sending&amp;state=waiting");
    expect(api.calls.findLast(({ path }) => path === "/v1/jobs")?.query).toEqual({ queue: "email-sending", limit: "20" });
    expect((await get("/t/demo/flow/nothing")).status).toBe(404);
  });

  test("a job's remedies are what its reason offers, and only for those who may", async () => {
    const path = `/t/demo/jobs/${idOf(2)}`;
    const operator = await (await (await visitor(people.operator)).get(path)).text();
    expect(operator).toContain('action="/t/demo/do/run-job-now"');
    expect(operator).not.toContain("Reveal");
    const admin = await visitor(people.admin);
    expect(await (await admin.get(path)).text()).toContain("Reveal");
    const revealed = await (await admin.post(path, {})).text();
    expect(revealed).toContain("ann@example.org");
    expect(revealed).toContain('data-pace="never"');
    await (await visitor(people.operator, admin.api)).post(path, {});
    expect(admin.api.calls.filter(({ query }) => query["reveal"] === "1")).toHaveLength(1);
  });

  test("a link reveals nothing, wherever it is followed from, and no other page takes a form", async () => {
    const path = `/t/demo/jobs/${idOf(2)}`;
    const { get, post, ask, api } = await visitor(people.admin);
    for (const site of ["same-origin", "cross-site", "none"])
      for (const query of ["?reveal=1", "?reveal=1&reveal=true"])
        expect(await (await get(path + query, { "sec-fetch-site": site })).text()).not.toContain("ann@example.org");
    const foreign = await ask(path, { method: "POST", headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" } });
    expect(foreign.status).toBe(403);
    expect(api.calls.filter(({ query }) => "reveal" in query)).toEqual([]);
    for (const other of ["/t/demo/", "/t/demo/jobs", "/t/demo/agents/run-0"]) expect((await post(other, {})).status).toBe(404);
  });

  test("a list offers to run a job now only where that helps it", async () => {
    const api = createFakeApi(now);
    const [job] = (api.answers.get("GET /v1/jobs") as { jobs: object[] }).jobs;
    const why = (code: string, ...actions: object[]) => ({ code, sentence: "It waits.", since: "2026-11-21T11:00:00Z", actions });
    const run = { method: "POST", path: `/v1/jobs/${idOf(3)}/run-now`, label: "Run now" };
    const waiting = { ...job, state: "waiting", endedAt: null };
    const jobs = [
      { ...waiting, id: idOf(2), why: why("paused") },
      { ...waiting, id: idOf(3), why: why("waiting", run) },
      { ...waiting, id: idOf(4), why: why("paced") },
    ];
    api.answers.set("GET /v1/jobs", { jobs, cursor: null });
    const html = await (await (await visitor(people.operator, api)).get("/t/demo/jobs")).text();
    expect([...html.matchAll(/do\/run-job-now"[^>]*><input type="hidden" name="id" value="(\w+)"/g)].map(([, id]) => id)).toEqual([idOf(3)]);
    expect(html.match(/class="state (?:held|rest)">[^/]*<\/span>[^<]*/g)?.map((text) => text.replace(/.*[>\s]/, ""))).toEqual(["waiting", "waiting", "paced"]);
  });

  test("a list of jobs counts the open ones by state in its tabs", async () => {
    const api = createFakeApi(now);
    const open = { running: 1, ready: 2, held: 30, parked: 183, retrying: 4, scheduled: 5 };
    api.answers.set("GET /v1/stats", {
      groups: [
        { name: "email", events: {}, open, ms: 0 },
        { name: "image", events: {}, open: { ready: 7 }, ms: 0 },
      ],
      backlog: { deadLetters: 12, discarded: 5, parked: 183, due: 30 },
    });
    const html = await (await (await visitor(people.reader, api)).get("/t/demo/jobs")).text();
    // The list of queued jobs has the five that are scheduled too.
    for (const [state, count] of Object.entries({ queued: 14, running: 1, scheduled: 5, waiting: 213, retrying: 4, dead: 7, discarded: 5 }))
      expect(html).toMatch(new RegExp(`state=${state}"[^>]*>\\w+ <b>${count}</b>`));
    expect(api.calls.map(({ path }) => path)).not.toContain("/v1/queues");
    const { get } = await visitor(people.reader, api);
    expect(await (await get("/t/demo/jobs?type=image")).text()).toMatch(/state=queued"[^>]*>\w+ <b>7</);
    expect(await (await get("/t/demo/jobs?siteId=main")).text()).not.toMatch(/state=\w+"[^>]*>\w+ <b>/);
  });

  test("a list narrows by the words of its one search box, and says how far it has looked", async () => {
    const api = createFakeApi(now);
    api.answers.set("GET /v1/jobs", { jobs: [], cursor: "further", examined: 2000 });
    const { get } = await visitor(people.operator, api);
    const html = await (await get(`/t/demo/jobs?q=${encodeURIComponent('type:email site:shop-1 from:6h order:7 "host not found"')}&state=dead`)).text();
    expect(api.calls.findLast(({ path }) => path === "/v1/jobs")?.query).toEqual({
      type: "email",
      state: "dead",
      siteId: "shop-1",
      from: "2026-11-21T06:00:00.000Z",
      q: "order:7 host not found",
      limit: "50",
    });
    expect(html).toContain("Looked at 2,000 jobs so far");
    expect(html).toContain("Look further");
    expect(html).not.toContain("No job fits");
  });
});

test("the benchmark of the pages measures each that reads more than one row by its key", () => {
  const byKey = ["/bulk/:id", "/replays/:id", "/sites/:site", "/campaigns/:id", "/agents/:id"];
  const measured = [...tenantPages, ...allPages].map((path) =>
    path.split("?")[0]?.replace(anyJob, ":id").replace(anyGroup, ":group").replace("/flow/events", "/flow/:queue"),
  );
  expect(pages.map(({ path }) => path).filter((path) => !measured.includes(path))).toEqual(byKey);
});

test("what is no page is left to the others", async () => {
  const dashboard = createDashboard({ answer: createFakeApi(now).answer, vault: plainVault, now: () => now });
  for (const path of ["/v1/jobs", "/healthz", "/u/x", "/index.html", "/favicon.svg/x", "/demo/gallery"])
    expect(dashboard(new Request(origin + path))).toBeUndefined();
  const head = await dashboard(new Request(`${origin}/`, { method: "HEAD" }));
  expect(await head?.text()).toBe("");
});

test("the script and the style are kept for good and small", async () => {
  const dashboard = createDashboard({ answer: createFakeApi(now).answer, vault: plainVault, now: () => now });
  for (const { path, type } of [script, style]) {
    const answer = await dashboard(new Request(origin + path));
    expect(answer?.headers.get("content-type")).toBe(type);
    expect(answer?.headers.get("cache-control")).toContain("immutable");
  }
  const bytes = new Blob([script.text]).stream().pipeThrough(new CompressionStream("gzip"));
  expect((await new Response(bytes).arrayBuffer()).byteLength).toBeLessThan(10_000);
});
