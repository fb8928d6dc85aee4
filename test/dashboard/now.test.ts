import { describe, expect, test } from "vitest";
import { answersOf } from "./answers";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const fresh = () => createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
const finding = { code: "paused", severity: "info", sentence: "It is so.", since: null, count: 4, subject: "queue/events", tenant: "demo", actions: [] };

describe("the verdict of Now", () => {
  test.each([
    [[], "All is well"],
    [[finding, { ...finding, subject: "queue/deliveries" }], "All is well, 2 pauses"],
    [[finding], "All is well, 1 pause"],
    [[finding, { ...finding, code: "approval", subject: "agent/x", count: 3 }], "All is well, 1 pause, 3 approvals"],
    [[{ ...finding, code: "tenant-heavy" }], "All is well"],
    [[finding, { ...finding, code: "stuck", severity: "critical" }], "1 thing needs you"],
  ])("over %j is %s", async (findings, verdict) => {
    const api = fresh();
    api.answers.set("GET /v1/report", { ok: true, findings });
    const html = await (await (await visitor(people.operator, api)).get("/t/demo/")).text();
    expect(html).toContain(`<h1 class="verdict">${verdict}</h1>`);
    expect(html).toContain(`<title>${verdict} · demo`);
  });
});

test("what is tried again is run now from its finding, by way of the plan, and not by those who may not", async () => {
  const api = fresh();
  const filter = { group: "abcdefghij234567" };
  const actions = [{ method: "POST", path: "/v1/jobs/run-now", label: "Run now", body: { filter } }];
  api.answers.set("GET /v1/report", { ok: false, findings: [{ ...finding, code: "retrying", severity: "warning", subject: "type/email", actions }] });
  const link = '<a class="button" href="/t/demo/bulk?verb=run-now&amp;group=abcdefghij234567">Run now…</a>';
  expect(await (await (await visitor(people.operator, api)).get("/t/demo/")).text()).toContain(link);
  expect(await (await (await visitor(people.root, api)).get("/t/*/")).text()).toContain(link);
  expect(await (await (await visitor(people.reader, api)).get("/t/demo/")).text()).not.toContain("verb=run-now");
});

test("work in progress says how fast it goes, when it moved last and about how long it takes yet", async () => {
  const api = fresh();
  const [job] = (api.answers.get("GET /v1/jobs") as { jobs: object[] }).jobs;
  const at = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  const running = { ...job, state: "running", runs: 1, startedAt: at(100), endedAt: null, progress: { done: 50, total: 200, note: "page 5", at: at(4) } };
  api.answers.set("GET /v1/jobs", { jobs: [running], cursor: null });
  const html = await (await (await visitor(people.operator, api)).get("/t/demo/")).text();
  const shown = /<span class="progress">.*?<\/time>[^<]*/s.exec(html)?.[0].replaceAll(/<[^>]+>/g, "");
  expect(shown).toBe(`25 % · 50 of 200 · 30/min · about 5 min left · moved ${at(4).slice(0, 10)} ${at(4).slice(11, 19)} UTC · page 5`);
});

test.each([1, 6, 24, 168])("the chart of %i hours asks for no longer time than the API answers for", async (hours) => {
  const api = fresh();
  await (await visitor(people.operator, api)).get(`/t/demo/?hours=${hours}`);
  const { from = "", to = "" } = api.calls.find(({ path }) => path === "/v1/stats")?.query ?? {};
  expect(Date.parse(to)).toBe(now);
  expect(Date.parse(to) - Date.parse(from)).toBeLessThanOrEqual(hours * 3_600_000);
});

test("the chart marks where a version of the Worker was first seen, and its legend names the newest", async () => {
  const api = fresh();
  const stats = api.answers.get("GET /v1/stats") as object;
  const deploy = (minutes: number, tag: string) => ({ version: `${tag}0123456789abcdef`, tag, at: new Date(now - minutes * 60_000).toISOString() });
  api.answers.set("GET /v1/stats", { ...stats, deploys: [deploy(45, "a"), deploy(40, "b"), deploy(35, "c"), deploy(30, "")] });
  const html = await (await (await visitor(people.operator, api)).get("/t/demo/")).text();
  expect([...html.matchAll(/<line class="deploy" x1="([\d.]+)"/g)].map(([, x]) => Math.round(Number(x)))).toEqual([240, 320, 400, 480]);
  expect(html).toContain("<title>version a first seen 2026-11-21 11:15:00 UTC</title>");
  const legend = (page: string) => /<span class="deploy"><i><\/i>(.*?)<\/span>/s.exec(page)?.[1] ?? "";
  expect([...legend(html).matchAll(/version ([^<]*) <time/g)].map(([, name]) => name)).toEqual(["b", "c", "01234567"]);
  expect(legend(html)).not.toContain("<a");
  const root = await (await (await visitor(people.root, api)).get("/t/demo/")).text();
  expect(legend(root)).toContain('<a href="/t/*/system#version-b0123456789abcdef">version b</a>');
});

test("each finding has an id of its own, also of two causes of one type's failures", async () => {
  const api = fresh();
  const retrying = { ...finding, code: "retrying", severity: "warning", subject: "type/email" };
  api.answers.set("GET /v1/report", { ok: false, findings: [retrying, { ...retrying, sentence: "Another cause." }, finding] });
  const html = await (await (await visitor(people.operator, api)).get("/t/demo/")).text();
  expect([...html.matchAll(/<li id="(finding[^"]*)"/g)].map(([, id]) => id)).toEqual([
    "finding-retrying-demo-type_email",
    "finding-retrying-demo-type_email-2",
    "finding-paused-demo-queue_events",
  ]);
});
