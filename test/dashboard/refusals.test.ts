import { describe, expect, test } from "vitest";
import { pageActions } from "../../src/dashboard/actions";
import { answersOf, idOf } from "./answers";
import { createFakeApi, people, problem } from "./desk";
import { form, now, origin, visitor } from "./visitor";

const shell = ['id="top"', 'action="/session/end"'];

describe("a page that is refused", () => {
  test.each([
    ["operator", "/t/demo/nothing-here", 404],
    ["operator", "/t/demo/jobs/unknown", 404],
    ["operator", "/t/demo/failures/unknown", 404],
    ["operator", "/t/other/jobs", 403],
    ["operator", "/t/*/", 403],
    ["root", "/t/demo/jobs/unknown", 404],
    ["root", "/t/%E0%A4%A/", 404],
    ["operator", "/t/%E0%A4%A/jobs", 404],
    ["root", "/t/a%0Ab/", 404],
  ] as const)("to the %s at %s keeps navigation and sign-out", async (who, path, status) => {
    const answer = await (await visitor(people[who])).get(path);
    const html = await answer.text();
    expect(answer.status).toBe(status);
    for (const part of [...shell, 'id="nav"']) expect(html).toContain(part);
    expect(html).not.toMatch(/at \w+ \(|\.tsx?:/);
  });

  test("to a token that may not read names the scopes, lets it sign out and leads nowhere it may not look", async () => {
    const answer = await (await visitor(people.sender)).get("/t/demo/");
    const html = await answer.text();
    expect(answer.status).toBe(403);
    for (const part of [...shell, "the scope read; this one has enqueue"]) expect(html).toContain(part);
    expect(html).not.toMatch(/href="\/t\/demo\/\w/);
    expect(html).not.toContain("To the first page");
  });

  test("while nothing answers still lets one sign out", async () => {
    const { cookie, api } = await visitor(people.operator);
    const away = await visitor(people.operator, { ...api, answer: async () => problem(503, "The ledger is away.") });
    const answer = await away.get("/t/demo/", { cookie });
    expect(answer.status).toBe(503);
    for (const part of shell) expect(await answer.clone().text()).toContain(part);
  });
});

describe("a form", () => {
  test.each(["%0d%0ax", "x%0ay", "%00", "%C3%A4", "%2F..%2F", "A", "**", "x".repeat(64)])(
    "to a tenant of no name (%s) is answered with 404, and asks for nothing",
    async (tenant) => {
      const { post, api } = await visitor(people.operator);
      const { length } = api.calls;
      for (const headers of [{}, { accept: "text/vnd.jobyard.fragment" }] as Record<string, string>[])
        for (const name of ["retry-job", "replay", "put-alert-rule"]) {
          const answer = await post(`/t/${tenant}/do/${name}`, { id: idOf(2), name: "night" }, headers);
          expect([answer.status, answer.headers.get("location"), answer.headers.get("x-location")]).toEqual([404, null, null]);
          expect(await answer.text()).toContain("There is no such tenant");
        }
      expect(api.calls.slice(length).filter(({ method }) => method !== "GET")).toEqual([]);
    },
  );

  test.each(pageActions.map(({ name, path }) => [name, path]))("of all tenants is not carried out for a token of one: %s", async (name, path) => {
    const { post, api } = await visitor(people.admin);
    const named = Object.fromEntries([...path.matchAll(/:(\w+)/g)].map(([, field = ""]) => [field, "events"]));
    const answer = await post(`/t/*/do/${name}`, { ...named, confirm: "events", patch: '{"siteId": "main"}' });
    expect([answer.status, answer.headers.get("location")]).toEqual([403, null]);
    expect(await answer.text()).toContain("All tenants are shown to the root token only.");
    expect(api.calls.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("of no action, of another site or too long is answered with a page one can leave", async () => {
    const { post, ask, cookie } = await visitor(people.operator);
    const unknown = await post("/t/demo/do/nothing", {});
    expect(unknown.status).toBe(404);
    const sent = form({ id: "x" });
    const foreign = await ask("/t/demo/do/retry", { method: "POST", ...sent, headers: { ...sent.headers, cookie, origin: "https://evil.example" } });
    expect(foreign.status).toBe(403);
    const long = await post("/t/demo/do/retry-job", { id: "x".repeat(70_000) });
    expect(long.status).toBe(413);
    for (const answer of [unknown, foreign, long]) expect(await answer.text()).toContain('action="/session/end"');
  });

  test.each([
    ["/t/demo/\r\nset-cookie: a=b", "/t/demo/set-cookie:%20a=b"],
    ["/t/demo/jobs?q=\u00e9\u20ac", "/t/demo/jobs?q=%C3%A9%E2%82%AC"],
    ["/t/../v1/jobs", "/t/demo/"],
    ["/t/demo/jobs?state=dead", "/t/demo/jobs?state=dead"],
  ])("goes back to %j as a header can carry it, and only to a page of ours", async (back, place) => {
    const { api, post, ask } = await visitor(people.operator);
    api.answers.set(`POST /v1/jobs/${idOf(2)}/run-now`, { id: idOf(2), state: "queued" });
    const done = await post("/t/demo/do/run-job-now", { id: idOf(2), back });
    expect([done.status, done.headers.get("location")]).toEqual([303, place]);
    const into = await ask("/session", { method: "POST", ...form({ token: people.operator.token, next: back }) });
    expect([into.status, into.headers.get("location")]).toEqual([303, place]);
    expect(new URL(place, origin).origin).toBe(origin);
  });

  test("that was refused comes back as it was filled in where there is no script", async () => {
    const { post, api } = await visitor(people.admin, createFakeApi(now, answersOf({ rows: 1, text: "shop", now })));
    const fields = { selection: JSON.stringify({ filter: { group: "g0" } }), back: "/t/demo/bulk?verb=replay&group=g0", canary: "7", patch: '{"siteId": "ma' };
    const refused = await post("/t/demo/do/replay", fields);
    const html = await refused.text();
    expect(refused.status).toBe(422);
    expect(html).toContain("The patch must be a JSON object");
    expect(html).toContain('name="patch" spellcheck="false">{&quot;siteId&quot;: &quot;ma</textarea>');
    expect(html).toContain('name="canary" value="7"');
    expect(html).toMatch(/type="hidden" name="selection" value="\{&quot;filter/);
    const tried = await (await post("/t/demo/do/try-patch", { ...fields, patch: '{"siteId": "main"}' })).text();
    expect(tried).toContain("cannot run with the patch");
    expect(tried).toMatch(/action="\/t\/demo\/do\/replay".*\{&quot;siteId&quot;: &quot;main&quot;\}<\/textarea>.*formaction="\/t\/demo\/do\/try-patch"/s);
    api.answers.set("PUT /v1/alert-rules/night", () => problem(422, "No such destination."));
    const rule = await (await post("/t/demo/do/put-alert-rule", { name: "night", "code:failed": "on", destination: "hok", email: "a@b.example" })).text();
    expect(rule).toContain('type="checkbox" name="code:failed" checked');
    expect(rule).toContain('name="destination" value="hok"');
  });
});
