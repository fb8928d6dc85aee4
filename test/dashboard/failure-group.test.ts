import { describe, expect, test } from "vitest";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const accept = { accept: "text/vnd.jobyard.fragment" };

describe("a group of failures", () => {
  test("is resolved, ignored until so many more, and opened again", async () => {
    const api = createFakeApi(now);
    api.answers.set("PUT /v1/failures/g0", {});
    const { post, get } = await visitor(people.operator, api);
    expect(await (await get("/t/demo/failures/g0")).text()).toContain("failure-ignored");
    await post("/t/demo/do/failure-ignored", { group: "g0", untilCount: "50", note: " known " }, accept);
    expect(api.calls.at(-1)).toMatchObject({ method: "PUT", path: "/v1/failures/g0", body: { status: "ignored", untilCount: 50, note: "known" } });
    await post("/t/demo/do/failure-resolved", { group: "g0" }, accept);
    expect(api.calls.at(-1)?.body).toEqual({ status: "resolved" });
    await post("/t/demo/do/failure-open", { group: "g0" }, accept);
    expect(api.calls.at(-1)?.body).toEqual({ status: "open" });
  });

  test("that retries offers to run its jobs now, by way of a plan", async () => {
    const html = await (await (await visitor(people.operator)).get("/t/demo/failures/g0")).text();
    expect(html).toContain('href="/t/demo/bulk?verb=run-now&amp;group=g0"');
    expect(await (await (await visitor(people.reader)).get("/t/demo/failures/g0")).text()).not.toContain("/bulk?");
  });

  test("a finding's replay leads to its plan", async () => {
    const api = createFakeApi(now);
    const finding = { code: "failed", severity: "critical", sentence: "x", since: null, count: 2, subject: "group/g0", tenant: "demo" };
    const replay = { method: "POST", path: "/v1/replays", label: "Replay", body: { filter: { group: "g0" } } };
    api.answers.set("GET /v1/report", { ok: false, findings: [{ ...finding, actions: [replay] }] });
    expect(await (await (await visitor(people.operator, api)).get("/t/demo/")).text()).toContain('href="/t/demo/bulk?verb=replay&amp;group=g0"');
    expect(await (await (await visitor(people.reader, api)).get("/t/demo/")).text()).not.toContain("/bulk?");
  });
});
