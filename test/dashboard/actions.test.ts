import { describe, expect, test } from "vitest";
import { pageActions } from "../../src/dashboard/actions";
import { allows, type TokenScope } from "../../src/tenants/token";
import { idOf } from "./answers";
import { createFakeApi, people } from "./desk";
import { form, now, visitor } from "./visitor";
import { all, offeredIn } from "./addresses";

describe("what is offered", () => {
  test.each(["reader", "operator", "admin"] as const)("to the %s is what the token may do, on every page", async (who) => {
    const person = people[who];
    const { get } = await visitor(person);
    const offered = new Set<string>();
    for (const path of all.filter((each) => !each.startsWith("/t/*"))) for (const name of offeredIn(await (await get(path)).text())) offered.add(name);
    const refused = pageActions.filter(({ name, scope }) => offered.has(name) && (scope === "root" || !allows(person.scopes as TokenScope[], scope)));
    expect(refused.map(({ name }) => name)).toEqual([]);
    expect(offered.size > 0).toBe(who !== "reader");
  });
});

describe("an action", () => {
  const retry = "/t/demo/do/run-job-now";
  const fields = { id: idOf(2), back: `/t/demo/jobs/${idOf(2)}` };

  test("is a call of the interface; without the script the page it came from tells what came of it", async () => {
    const api = createFakeApi(now);
    api.answers.set(`POST /v1/jobs/${idOf(2)}/run-now`, { id: idOf(2), state: "queued" });
    const { get, post, cookie } = await visitor(people.operator, api);
    const done = await post(retry, fields);
    expect([done.status, done.headers.get("location")]).toEqual([303, fields.back]);
    const notice = done.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(await (await get(fields.back, { cookie: `${cookie}; ${notice}` })).text()).toContain(
      "Its wait is over: it runs next, unless a pause or a gate holds it back.",
    );
    const stays = await post(retry, fields, { accept: "text/vnd.jobyard.fragment" });
    expect([stays.status, await stays.text()]).toEqual([200, "Its wait is over: it runs next, unless a pause or a gate holds it back."]);
  });

  test("of a schedule names what its job waits for, and is not offered while something holds it", async () => {
    const api = createFakeApi(now);
    const why = { code: "site-paused", sentence: "The site main is paused: it answered 401", since: null, actions: [] };
    api.answers.set("POST /v1/schedules/nightly-0/run", { id: idOf(2), type: "sync-orders", state: "queued", why });
    const { get, post } = await visitor(people.operator, api);
    const done = await post("/t/demo/do/run-schedule", { name: "nightly-0", back: "/t/demo/schedules" }, { accept: "text/vnd.jobyard.fragment" });
    expect(await done.text()).toBe("The job is enqueued and waits: The site main is paused: it answered 401");
    const page = await (await get("/t/demo/schedules")).text();
    const offered = [...page.matchAll(/name="name" value="(nightly-\d)"/g)].map(([, name]) => name);
    expect([...offered, page.includes("/t/demo/do/test-site")]).toEqual(["nightly-0", "nightly-2", true]);
  });

  test("that is refused tells why, and who is elsewhere is sent nowhere else", async () => {
    const { post } = await visitor(people.operator);
    const refused = await post(retry, { ...fields, back: "https://evil.example/" }, { accept: "text/vnd.jobyard.fragment" });
    expect(refused.status).toBe(404);
    expect((await post(retry, { ...fields, back: "https://evil.example/" })).headers.get("location")).toBe("/t/demo/");
    expect((await post("/t/demo/do/nothing", fields)).status).toBe(404);
    expect((await post(retry, {}, { accept: "text/vnd.jobyard.fragment" })).status).toBe(422);
  });

  test.each(pageActions.map(({ name, path }) => [name, path]))(
    "%s for another tenant is refused as the interface refuses it, and without a session",
    async (name, path) => {
      const { post, api } = await visitor(people.admin);
      const filled = { ...Object.fromEntries([...path.matchAll(/:(\w+)/g)].map(([, field = ""]) => [field, "x"])), patch: '{"siteId": "main"}', ids: "x" };
      const before = api.calls.length;
      const refused = await post(`/t/other/do/${name}`, filled, { accept: "text/vnd.jobyard.fragment" });
      expect([refused.status, await refused.text()]).toEqual([403, "This token belongs to another tenant."]);
      expect(api.calls.slice(before)).toEqual([expect.objectContaining({ tenant: "other" })]);
      const signedOut = await (await visitor(people.admin)).ask(`/t/other/do/${name}`, { method: "POST", ...form(filled) });
      expect([signedOut.status, await signedOut.text()]).toEqual([401, "You are signed out."]);
    },
  );

  test("for another tenant is refused as the interface refuses it", async () => {
    const { post, api } = await visitor(people.operator);
    expect((await post("/t/other/do/run-job-now", fields, { accept: "text/vnd.jobyard.fragment" })).status).toBe(403);
    expect(api.calls.at(-1)).toMatchObject({ tenant: "other" });
  });

  test.each([
    ["another origin", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["another origin of an old browser", { origin: "https://evil.example", "sec-fetch-site": "" }],
    ["a sibling", { origin: "https://other.example.com", "sec-fetch-site": "same-site" }],
    ["a sandboxed frame", { origin: "null", "sec-fetch-site": "cross-site" }],
  ])("sent from %s is not done", async (_where, headers) => {
    const { post, api } = await visitor(people.operator);
    const before = api.calls.length;
    expect((await post(retry, fields, headers as unknown as Record<string, string>)).status).toBe(403);
    expect(api.calls.length).toBe(before);
  });

  test("that pauses for all tenants requires the name of what is paused, typed", async () => {
    const api = createFakeApi(now);
    api.answers.set("POST /v1/queues/events/pause", {});
    const { post } = await visitor(people.root, api);
    const accept = { accept: "text/vnd.jobyard.fragment" };
    expect((await post("/t/*/do/pause-queue", { queue: "events" }, accept)).status).toBe(422);
    expect((await post("/t/*/do/pause-queue", { queue: "events", confirm: "email" }, accept)).status).toBe(422);
    expect((await post("/t/*/do/pause-queue", { queue: "events", confirm: "events", reason: " why " }, accept)).status).toBe(200);
    expect(api.calls.at(-1)).toMatchObject({ tenant: null, body: { reason: "why" } });
  });
});
