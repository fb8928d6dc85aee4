import { describe, expect, test } from "vitest";
import { answersOf, idOf } from "./answers";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const fresh = () => createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
const fragment = { accept: "text/vnd.jobyard.fragment" };

/** The page of one replay, or the list of it alone, with these fields. */
async function shown(path: string, change: object, who: keyof typeof people = "operator") {
  const api = fresh();
  const replay = { ...(api.answers.get("GET /v1/replays/r0") as object), ...change };
  api.answers.set("GET /v1/replays/r0", replay);
  api.answers.set("GET /v1/replays", { replays: [replay], cursor: null });
  return (await (await visitor(people[who], api)).get(path)).text();
}

describe("a replay", () => {
  test("says how its jobs ended, and no percentage that reads as success", async () => {
    const html = await shown("/t/demo/replays/r0", { total: 12, sent: 5, open: 0, unsent: 7, succeeded: 0, failedAgain: 5, cancelled: 0, failed: 0 });
    expect(html).toContain("5 of 12 have ended · 0 ended well, 5 failed again");
    expect(html).not.toContain("41 %");
  });

  test("lists the jobs that failed again by the end of their ids, which fit beside each other", async () => {
    const ids = [idOf(1), idOf(2)];
    const html = await shown("/t/demo/replays/r0", { examples: ids });
    for (const id of ids) expect(html).toContain(`<a href="/t/demo/jobs/${id}">…${id.slice(-8)}</a>`);
  });

  test("says what it replays, at which rate and who began it", async () => {
    const html = await shown("/t/demo/replays/r0", {
      filter: { type: "email", siteId: "shop-1", group: "g7" },
      patched: ["to"],
      ratePerMinute: null,
      actor: "t7",
      actorName: "night shift",
    });
    for (const text of ["type:email", "site:shop-1", 'href="/t/demo/failures/g7"', "with to changed", "as fast as they can", "night shift"])
      expect(html).toContain(text);
    expect(html).not.toContain("t7");
    expect(await shown("/t/demo/replays/r0", { filter: null, ids: 3 })).toContain("3 by id");
  });

  test.each(["/t/demo/replays/r0", "/t/demo/replays"])("%s offers what fits its state, and nothing to those who may only read", async (path) => {
    const offered = async (change: object, who: keyof typeof people = "operator") => {
      const html = await shown(path, change, who);
      return ["abort-replay", "set-replay-rate", "resume-replay"].filter((name) => html.includes(`/do/${name}"`));
    };
    expect(await offered({ state: "running" })).toEqual(["abort-replay", "set-replay-rate"]);
    expect(await offered({ state: "stopped", open: 0, patched: [] })).toEqual(["resume-replay"]);
    expect(await offered({ state: "stopped", open: 2, patched: [] })).toEqual([]);
    expect(await offered({ state: "stopped", open: 0, patched: ["to"] })).toEqual([]);
    expect(await offered({ state: "stopped", open: 0, patched: ["to"] }, "admin")).toEqual(["resume-replay"]);
    for (const state of ["running", "stopped"]) expect(await offered({ state, patched: [], unsent: 0 })).toEqual([]);
    expect(await offered({ state: "done", unsent: 0 })).toEqual([]);
    for (const state of ["running", "stopped"]) expect(await offered({ state }, "reader")).toEqual([]);
  });

  test("whose rest was brought back by another act has nothing left, and counts those apart", async () => {
    const change = { state: "done", patched: [], total: 43, sent: 4, succeeded: 4, failedAgain: 0, open: 0, failed: 39, unsent: 0 };
    const html = await shown("/t/demo/replays/r0", change);
    expect(html).toContain("43 of 43 have ended · 4 ended well, 39 not sent");
    expect(html).toContain("<dt>No dead letters any more</dt><dd>39</dd>");
    expect(html).toContain("<dt>Not sent yet</dt><dd>0</dd>");
    expect(await shown("/t/demo/replays", change)).toMatch(/<tr id="replay-r0">.*?<td class="num">0<\/td>/s);
  });

  test("that is stopped says that its open jobs have to end before it can be continued", async () => {
    const stopped = { state: "stopped", unsent: 7 };
    expect(await shown("/t/demo/replays/r0", { ...stopped, open: 2 })).toContain("It can be continued once the 2 jobs that it has sent have ended.");
    expect(await shown("/t/demo/replays/r0", { ...stopped, open: 1 })).toContain("once the job that it has sent has ended.");
    for (const change of [{ open: 0 }, { open: 2, unsent: 0 }, { open: 2, state: "running" }])
      expect(await shown("/t/demo/replays/r0", { ...stopped, ...change })).not.toContain("can be continued");
  });

  test("that was continued says why and when it had stopped, who continued it, and that the next tick goes on", async () => {
    const resumed = { at: "2026-11-21T11:58:00.000Z", actor: "t7", actorName: "night shift", reason: "5 of the first 5 jobs failed again", stoppedAt: null };
    const html = await shown("/t/demo/replays/r0", { state: "running", open: 0, unsent: 7, resumed });
    expect(html).toMatch(/It had stopped: 5 of the first 5 jobs failed again\. Continued <time[^>]*>.*<\/time> by night shift\./s);
    expect(html).toContain("goes on at the next tick");
    expect(await shown("/t/demo/replays/r0", { state: "running", open: 2, unsent: 7, resumed: null })).not.toMatch(/had stopped|next tick/);
  });

  test.each(["abc", "1e400", "12,5", "NaN"])("does not take the rate %o for none: the interface refuses it", async (typed) => {
    const api = fresh();
    api.answers.set("PATCH /v1/replays/r0", { state: "running" });
    const { post } = await visitor(people.operator, api);
    await post("/t/demo/do/set-replay-rate", { id: "r0", ratePerMinute: typed, back: "/t/demo/replays/r0" }, fragment);
    expect(api.calls.findLast(({ method }) => method === "PATCH")?.body).toEqual({ ratePerMinute: typed });
  });

  test.each([
    ["90", { ratePerMinute: 90 }],
    ["", { ratePerMinute: null }],
  ])("changes its rate to %o by a call that says so", async (typed, body) => {
    const api = fresh();
    api.answers.set("PATCH /v1/replays/r0", { state: "running" });
    const { post } = await visitor(people.operator, api);
    const answer = await post("/t/demo/do/set-replay-rate", { id: "r0", ratePerMinute: typed, back: "/t/demo/replays/r0" }, fragment);
    expect([answer.status, await answer.text()]).toEqual([200, "The rate holds from the next minute on."]);
    expect(api.calls.findLast(({ method }) => method === "PATCH")).toMatchObject({ path: "/v1/replays/r0", body, tenant: "demo" });
  });
});

describe("the list of replays", () => {
  test("counts what is left, leads to each and to older ones, and says why one stopped", async () => {
    const api = createFakeApi(now, answersOf({ rows: 2, text: "shop", now }));
    const replays = (api.answers.get("GET /v1/replays") as { replays: object[] }).replays.map((each, index) => ({
      ...each,
      ...(index === 0
        ? {
            state: "stopped",
            reason: "5 of the first 5 jobs failed again",
            total: 24,
            sent: 5,
            open: 0,
            unsent: 18,
            succeeded: 0,
            failedAgain: 5,
            cancelled: 0,
            failed: 1,
          }
        : {}),
    }));
    api.answers.set("GET /v1/replays", { replays, cursor: "1.older" });
    const { get } = await visitor(people.operator, api);
    const html = await (await get("/t/demo/replays")).text();
    expect(html).toMatch(/<tr id="replay-r0">.*5 of the first 5 jobs failed again.*<td class="num">18<\/td>/s);
    expect(html).toContain('href="/t/demo/replays/r1"');
    expect(html).toContain('href="/t/demo/replays?cursor=1.older"');
    await get("/t/demo/replays?cursor=1.older");
    expect(api.calls.findLast(({ path }) => path === "/v1/replays")?.query).toEqual({ limit: "50", cursor: "1.older" });
  });

  test("of all tenants names each one's tenant, and acts for it", async () => {
    const api = fresh();
    const replay = { ...(api.answers.get("GET /v1/replays/r0") as object), tenant: "acme" };
    api.answers.set("GET /v1/replays", { replays: [replay], cursor: null });
    const { get } = await visitor(people.root, api);
    const html = await (await get("/t/*/replays")).text();
    expect(html).toContain('href="/t/acme/replays/r0"');
    expect(html).toContain('action="/t/acme/do/abort-replay"');
    expect(html).not.toContain('action="/t/*/do/');
    expect(api.calls.findLast(({ path }) => path === "/v1/replays")?.tenant).toBeNull();
    expect((await (await visitor(people.admin, api)).get("/t/*/replays")).status).toBe(403);
  });
});

describe("the relatives of a job", () => {
  const path = `GET /v1/jobs/${idOf(2)}`;
  const shownJob = async (change: object, who: keyof typeof people = "reader") => {
    const api = fresh();
    const job = (api.answers.get(path) as (query: object) => object)({});
    api.answers.set(path, { ...job, ...change });
    const html = await (await (await visitor(people[who], api)).get(`/t/demo/jobs/${idOf(2)}`)).text();
    return /<h2>Relatives<\/h2>.*?<\/dl>/s.exec(html)?.[0] ?? "";
  };

  test("are its parent with its state, its children by state, each a link to the list, and its replays", async () => {
    const html = await shownJob({ replays: ["5f1c2d00-0000-4000-8000-000000000007"] });
    expect(html).toMatch(new RegExp(`<a href="/t/demo/jobs/${idOf(3)}">shop</a> <span class="state`));
    expect(html).toContain(`href="/t/demo/jobs?parent=${idOf(2)}">7 jobs</a>`);
    expect(html).toMatch(new RegExp(`href="/t/demo/jobs\\?parent=${idOf(2)}&amp;state=dead"><span class="state broken">.*2 dead`));
    expect(html).toContain('href="/t/demo/replays/5f1c2d00-0000-4000-8000-000000000007">replay …00000007');
  });

  test("children that are scheduled lead to their list, queued ones beside them to none: that list has both", async () => {
    const html = await shownJob({ children: { total: 3, byState: { queued: 2, scheduled: 1 }, more: false } });
    expect(html).toMatch(new RegExp(`href="/t/demo/jobs\\?parent=${idOf(2)}&amp;state=scheduled"><span class="state rest">.*1 scheduled`));
    expect(html).toContain("2 queued");
    expect(html).not.toContain("state=queued");
  });

  test("children that failed for good are replayed and dismissed together, by those who may", async () => {
    const offered = async (byState: object, who: keyof typeof people) => {
      const html = await shownJob({ children: { total: 3, byState, more: false } }, who);
      return [...html.matchAll(new RegExp(`href="/t/demo/bulk\\?verb=(\\w+)&amp;parent=${idOf(2)}"`, "g"))].map(([, verb]) => verb);
    };
    for (const byState of [{ dead: 1, done: 2 }, { discarded: 3 }]) expect(await offered(byState, "operator")).toEqual(["replay", "dismiss"]);
    expect(await offered({ dead: 3 }, "reader")).toEqual([]);
    expect(await offered({ done: 3 }, "operator")).toEqual([]);
  });

  test("a parent that is removed is said to be", async () => {
    expect(await shownJob({ parentJob: null })).toContain("no longer kept");
  });

  const none = { children: { total: 0, byState: {}, more: false }, parent: null, parentJob: null };
  test.each([
    ["email", "no job enqueued it", ">none<"],
    ["event", "does not name the sync", ">none<"],
    ["campaign-page", "no job enqueued it", "its mails are sent by the page itself and are no jobs"],
    ["sync-orders", "no job enqueued it", "are published by the tick and name their site"],
  ])("of type %s that are not recorded are not called none", async (type, parent, children) => {
    const html = await shownJob({ ...none, type });
    expect(html).toContain(parent);
    expect(html).toContain(children);
  });

  test("the list of children names its parent, keeps it from tab to tab, and offers to act on all of them", async () => {
    const { get, api } = await visitor(people.operator, fresh());
    const html = await (await get(`/t/demo/jobs?parent=${idOf(2)}&state=dead`)).text();
    expect(api.calls.findLast(({ path: requestPath }) => requestPath === "/v1/jobs")?.query).toMatchObject({ parent: idOf(2), state: "dead" });
    expect(html).toContain(`href="/t/demo/jobs?state=done&amp;parent=${idOf(2)}"`);
    expect(html).toContain(`<a href="/t/demo/jobs/${idOf(2)}">this job</a>`);
    expect(html).toContain(`<input type="hidden" name="parent" value="${idOf(2)}"`);
    const offered = (page: string) => [...page.matchAll(/bulk\?verb=([\w-]+)&amp;(?:state=dead&amp;)?parent=/g)].map(([, verb]) => verb);
    expect(offered(html)).toEqual(["replay", "dismiss"]);
    expect(offered(await (await get(`/t/demo/jobs?parent=${idOf(2)}`)).text())).toEqual(["cancel", "replay", "dismiss"]);
  });
});
