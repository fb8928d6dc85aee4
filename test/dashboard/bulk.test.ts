import { describe, expect, test } from "vitest";
import { answersOf, idOf } from "./answers";
import { createFakeApi, people, problem } from "./desk";
import { now, visitor } from "./visitor";

const accept = { accept: "text/vnd.jobyard.fragment" };

describe("acting on many jobs", () => {
  test.each([
    ["verb=cancel&type=email&state=waiting", "/v1/jobs/cancel", { filter: { type: "email", state: "waiting" }, plan: true }],
    ["verb=run-now&state=retrying&type=email", "/v1/jobs/run-now", { filter: { state: "retrying", type: "email" }, plan: true }],
    ["verb=run-now&group=g0", "/v1/jobs/run-now", { filter: { group: "g0" }, plan: true }],
    ["verb=dismiss&group=g0", "/v1/dead-letters/dismiss", { filter: { group: "g0" }, plan: true }],
    ["verb=replay&q=order%3A7", "/v1/replays", { filter: { q: "order:7" }, plan: true }],
    ["verb=replay&queue=email-sending&state=dead", "/v1/replays", { filter: { queue: "email-sending", state: "dead" }, plan: true }],
    [`verb=replay&ids=${idOf(1)}&ids=${idOf(2)}&ids=${idOf(1)}`, "/v1/replays", { ids: [idOf(1), idOf(2)], plan: true }],
    ["verb=cancel&type=email&from=6h", "/v1/jobs/cancel", { filter: { type: "email", from: "2026-11-21T06:00:00.000Z" }, plan: true }],
  ])("%s is planned, and changes nothing", async (query, path, body) => {
    const { get, api } = await visitor(people.operator);
    const page = await (await get(`/t/demo/bulk?${query}`)).text();
    expect(page).toContain("7 jobs");
    expect(api.calls.filter(({ method }) => method !== "GET")).toEqual([expect.objectContaining({ path, body })]);
  });

  test("the plan of a replay leads to those that run beside it", async () => {
    const { get, api } = await visitor(people.operator);
    const plan = async (running: string[]) => {
      const body = {
        total: 2,
        byType: { email: 2 },
        refused: [],
        checked: 0,
        more: false,
        effects: { done: 0, inDoubt: 0 },
        providerCalls: 2,
        usd: 0,
        running,
      };
      api.answers.set("POST /v1/replays", body);
      return (await get("/t/demo/bulk?verb=replay&group=g0")).text();
    };
    const one = await plan(["r7"]);
    expect(one).toContain("A replay that may name these jobs is under way:");
    expect(one).toContain('href="/t/demo/replays/r7"');
    expect(one).toContain("/do/replay");
    expect(await plan(["r7", "r8"])).toContain("2 replays that may name these jobs are under way:");
    expect(await plan([])).not.toContain("under way");
  });

  test("a replay of jobs that are all in doubt has no button to begin it", async () => {
    const { get, api } = await visitor(people.operator);
    const planned = (effects: object) => ({
      total: 2,
      byType: { email: 2 },
      refused: [],
      checked: 2,
      more: false,
      effects,
      providerCalls: 2,
      usd: 0,
      running: [],
    });
    api.answers.set("POST /v1/replays", planned({ done: 0, inDoubt: 2 }));
    const page = await (await get("/t/demo/bulk?verb=replay&group=g0")).text();
    expect(page).toContain("For 2 it is unknown whether an effect happened: settle it first, or they fail again.");
    expect(page).not.toContain("/do/replay");
    api.answers.set("POST /v1/replays", planned({ done: 0, inDoubt: 1 }));
    expect(await (await get("/t/demo/bulk?verb=replay&group=g0")).text()).toContain("/do/replay");
  });

  test("what names no job, or nothing to do, is refused before the interface is asked", async () => {
    const { get, api } = await visitor(people.operator);
    for (const query of ["verb=erase&type=email", "type=email"]) {
      const page = await (await get(`/t/demo/bulk?${query}`)).text();
      expect(page).toMatch(/role="alert"[^>]*>There is no such action\..*<a href="\/t\/demo\/jobs">To the list of jobs/s);
      expect(page).not.toContain("Plan again");
    }
    for (const query of ["verb=cancel", "verb=cancel&ids="])
      expect(await (await get(`/t/demo/bulk?${query}`)).text()).toMatch(/role="alert"[^>]*>No job is ticked.*<input name="q"/s);
    expect(api.calls.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test.each(["replay", "cancel", "run-now", "dismiss"])(
    "%s by a filter that is refused shows why, with the filter as it was given, to correct it",
    async (verb) => {
      const { get, api } = await visitor(people.operator);
      const path = { replay: "/v1/replays", cancel: "/v1/jobs/cancel", "run-now": "/v1/jobs/run-now", dismiss: "/v1/dead-letters/dismiss" }[verb] ?? "";
      api.answers.set(`POST ${path}`, () => problem(422, "filter.state: must be dead or discarded"));
      const answer = await get(`/t/demo/bulk?verb=${verb}&type=email&state=deed&q=order%3A7&from=6x`);
      const page = await answer.text();
      expect(answer.status).toBe(200);
      expect(page).toMatch(/role="alert"[^>]*>State: must be dead or discarded</);
      const kept = [...page.matchAll(/<input (?:type="hidden" )?name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
      expect(kept).toEqual(
        expect.arrayContaining([
          ["verb", verb],
          ["q", "order:7"],
          ["type", "email"],
          ["state", "deed"],
          ["from", "6x"],
        ]),
      );
      expect(page).not.toContain('action="/t/demo/do/');
      api.answers.set(`POST ${path}`, () => problem(503, "not now"));
      expect((await get(`/t/demo/bulk?verb=${verb}&type=email`)).status).toBe(503);
    },
  );

  test("a filter that is refused keeps its parent: without it the next plan would name more jobs", async () => {
    const { get, api } = await visitor(people.operator);
    api.answers.set("POST /v1/jobs/cancel", () => problem(422, "filter.parent: is not a field here"));
    const page = await (await get(`/t/demo/bulk?verb=cancel&type=email&parent=${idOf(2)}`)).text();
    expect(page).toContain(`name="parent" value="${idOf(2)}"`);
  });

  test.each(["replay", "cancel", "run-now", "dismiss"])("%s of a filter that no job fits says that alone", async (verb) => {
    const { get, api } = await visitor(people.operator, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    const none = { total: 0, byType: {}, more: false, refused: [], checked: 0, effects: { done: 0, inDoubt: 0 }, providerCalls: 0, usd: 0, running: [] };
    for (const path of ["/v1/replays", "/v1/jobs/cancel", "/v1/jobs/run-now", "/v1/dead-letters/dismiss"]) api.answers.set(`POST ${path}`, none);
    const page = await (await get(`/t/demo/bulk?verb=${verb}&group=gzz`)).text();
    expect(page).toContain("No job for which this is possible matches the filter.");
    expect(page).not.toMatch(/No job here|at once|go first|off the list|action="\/t\/demo\/do\/[^"]*(replay|jobs|letters)/);
  });

  test("counts that are no numbers reach the interface as they were typed", async () => {
    const { post, api } = await visitor(people.operator, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    const selection = JSON.stringify({ filter: { type: "email" } });
    await post("/t/demo/do/replay", { selection, canary: "few", ratePerMinute: "1e400" }, accept);
    expect(api.calls.at(-1)?.body).toEqual({ filter: { type: "email" }, canary: "few", ratePerMinute: "1e400" });
    api.answers.set("PUT /v1/failures/g0", {});
    await post("/t/demo/do/failure-ignored", { group: "g0", untilCount: "many" }, accept);
    expect(api.calls.at(-1)?.body).toEqual({ status: "ignored", untilCount: "many" });
  });

  test("is done from its plan with the same selection, and leads to how far it is", async () => {
    const { post, api } = await visitor(people.operator, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    const selection = JSON.stringify({ filter: { type: "email" } });
    const cancelled = await post("/t/demo/do/cancel-jobs", { selection }, accept);
    expect([cancelled.status, cancelled.headers.get("x-location")]).toEqual([200, "/t/demo/bulk/b0"]);
    expect(api.calls.at(-1)).toMatchObject({ path: "/v1/jobs/cancel", body: { filter: { type: "email" } } });
    expect((await post("/t/demo/do/run-jobs-now", { selection }, accept)).headers.get("x-location")).toBe("/t/demo/bulk/b0");
    expect(api.calls.at(-1)).toMatchObject({ path: "/v1/jobs/run-now", body: { filter: { type: "email" } } });
    const replayed = await post("/t/demo/do/replay", { selection, canary: "5", ratePerMinute: "" }, accept);
    expect(replayed.headers.get("x-location")).toBe("/t/demo/replays/r0");
    expect(api.calls.at(-1)).toMatchObject({ path: "/v1/replays", body: { filter: { type: "email" }, canary: 5 } });
    await post("/t/demo/do/cancel-jobs", { selection: "{broken" }, accept);
    expect(api.calls.at(-1)?.body).toEqual({});
    await post("/t/demo/do/replay", { selection: JSON.stringify({ plan: true, patch: { to: "x" }, ids: [idOf(1)] }), canary: "5" }, accept);
    expect(api.calls.at(-1)?.body).toEqual({ ids: [idOf(1)], canary: 5 });
  });

  test.each(["cancel-jobs", "run-jobs-now", "dismiss-letters", "replay"])(
    "%s that names no job stays where it is, and says that nothing fits",
    async (name) => {
      const { post, api } = await visitor(people.operator, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
      for (const path of ["/v1/replays", "/v1/jobs/cancel", "/v1/jobs/run-now", "/v1/dead-letters/dismiss"])
        api.answers.set(`POST ${path}`, { id: "b1", total: 0, state: "done" });
      const answer = await post(`/t/demo/do/${name}`, { selection: JSON.stringify({ filter: { group: "g-of-another" } }), back: "/t/demo/failures" }, accept);
      expect([answer.status, answer.headers.get("x-location"), await answer.text()]).toEqual([200, null, "Nothing fits: no job was changed."]);
    },
  );

  test("one that still looks for jobs leads to its page", async () => {
    const { post, api } = await visitor(people.operator, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    api.answers.set("POST /v1/jobs/run-now", { id: "b1", total: 0, state: "running" });
    const answer = await post("/t/demo/do/run-jobs-now", { selection: JSON.stringify({ filter: { type: "email" } }) }, accept);
    expect(answer.headers.get("x-location")).toBe("/t/demo/bulk/b1");
  });

  test("a form sent twice is one act; with other values in its fields it is another", async () => {
    const { get, post, api } = await visitor(people.operator, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    const page = await (await get("/t/demo/bulk?verb=replay&group=g0")).text();
    const once = /<input [^>]*name="once" value="([^"]+)"/.exec(page)?.[1] ?? "";
    expect([once, page.includes('data-pace="never"')]).toEqual([String(now), true]);
    const keyOf = async (fields: Record<string, string>) => {
      await post("/t/demo/do/replay", { selection: JSON.stringify({ filter: { group: "g0" } }), canary: "5", ...fields }, accept);
      return api.calls.at(-1)?.key;
    };
    const key = await keyOf({ once });
    expect(key).toMatch(/^[0-9a-z]{32,}$/);
    expect([await keyOf({ once }), await keyOf({ once, canary: "6" }), await keyOf({ once: "other" }), await keyOf({})]).toEqual([
      key,
      expect.not.stringMatching(`^${key}$`),
      expect.not.stringMatching(`^${key}$`),
      null,
    ]);
  });

  test("a replay's plan says what it costs, and an admin alone may correct the payloads, tried before", async () => {
    const address = "/t/demo/bulk?verb=replay&group=g0";
    const operator = await visitor(people.operator);
    expect(await (await operator.get(address)).text()).toContain("about 0.00006 USD on Cloudflare");
    expect(await (await operator.get(address)).text()).not.toContain('name="patch"');
    const { get, post, api } = await visitor(people.admin, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    expect(await (await get(address)).text()).toMatch(/<textarea [^>]*name="patch".*formaction="\/t\/demo\/do\/try-patch"/s);
    const selection = JSON.stringify({ filter: { group: "g0" } });
    const tried = await post("/t/demo/do/try-patch", { selection, patch: '{"siteId": "main"}' }, accept);
    expect([tried.status, await tried.text()]).toEqual([200, `7 payloads were tried: 1 cannot run with the patch. The first, …${idOf(0).slice(-8)}: shop.`]);
    expect(api.calls.at(-1)?.body).toEqual({ filter: { group: "g0" }, patch: { siteId: "main" }, plan: true });
    await post("/t/demo/do/replay", { selection, canary: "5", ratePerMinute: "", patch: '{"siteId": null}' }, accept);
    expect(api.calls.at(-1)?.body).toEqual({ filter: { group: "g0" }, canary: 5, patch: { siteId: null } });
    const before = api.calls.length;
    for (const [patch, why] of [
      ["{broken", "The patch must be a JSON object"],
      ["[1]", "The patch must be a JSON object"],
      [" ", "Enter the patch"],
    ] as const) {
      const refused = await post("/t/demo/do/try-patch", { selection, patch }, accept);
      expect([refused.status, (await refused.text()).startsWith(why)]).toEqual([422, true]);
    }
    expect((await post("/t/demo/do/replay", { selection, patch: "{broken" }, accept)).status).toBe(422);
    expect(api.calls.length).toBe(before);
  });

  test("a list offers what helps jobs of its state, and all that match only under a filter", async () => {
    const { get } = await visitor(people.operator);
    const offered = async (query: string) => {
      const html = await (await get(`/t/demo/jobs${query}`)).text();
      return {
        ticked: [...html.matchAll(/name="verb" value="([\w-]+)"/g)].map(([, verb]) => verb),
        all: [...html.matchAll(/bulk\?verb=([\w-]+)/g)].map(([, verb]) => verb),
      };
    };
    expect(await offered("")).toEqual({ ticked: ["run-now", "cancel", "replay", "dismiss"], all: [] });
    expect(await offered("?state=waiting")).toEqual({ ticked: ["run-now", "cancel"], all: ["run-now", "cancel"] });
    expect(await offered("?state=running")).toEqual({ ticked: ["cancel"], all: ["cancel"] });
    expect(await offered("?state=dead&type=email")).toEqual({ ticked: ["replay", "dismiss"], all: ["replay", "dismiss"] });
    expect((await offered("?queue=events")).all).toEqual(["run-now", "cancel", "replay", "dismiss"]);
    expect(await offered("?state=done")).toEqual({ ticked: [], all: [] });
  });

  test("a list of jobs that wait by the plan of their campaign offers to run none now, unless a further page may have others", async () => {
    const { get, api } = await visitor(people.operator);
    const listed = api.answers.get("GET /v1/jobs") as { jobs: object[] };
    const why = { code: "paced", sentence: "It waits by the plan of its campaign.", since: new Date(now).toISOString(), actions: [] };
    const offered = async (cursor: string | null) => {
      api.answers.set("GET /v1/jobs", { jobs: listed.jobs.map((job) => ({ ...job, state: "waiting", why })), cursor });
      const html = await (await get("/t/demo/jobs?state=waiting")).text();
      return [/name="verb" value="([\w-]+)"/g, /bulk\?verb=([\w-]+)/g].map((pattern) => [...html.matchAll(pattern)].map(([, verb]) => verb));
    };
    expect(await offered(null)).toEqual([["cancel"], ["cancel"]]);
    expect(await offered(idOf(9))).toEqual([["cancel"], ["run-now", "cancel"]]);
  });
});
