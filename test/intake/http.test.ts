import { beforeAll, describe, expect, test, vi } from "vitest";
import { Problem } from "../../src/errors";
import type { FailureReport } from "../../src/intake/deps";
import { createIntake } from "../../src/intake/router";
import { routes } from "../../src/intake/routes";
import { answered, requestOf } from "./calls";
import { createIntakeBench, type Tokens } from "./bench";

const bench = createIntakeBench();

let own: Tokens;

beforeAll(async () => {
  own = await bench.tenant("http-own");
});

const post = (body: unknown, headers: Record<string, string> = {}) => bench.call("POST", "/v1/jobs", { token: own.enqueue, body, headers });

describe("routing", () => {
  test("a URL that is too long is refused before the router reads its parameters", async () => {
    const { status, text } = await bench.call("GET", `/v1/jobs?${"a=1&".repeat(5000)}`, { token: own.read });
    expect(status).toBe(413);
    expect(text).toContain("The URL may have at most 16,384 characters.");
    expect((await bench.call("GET", `/${"x".repeat(50_000)}`, {})).text.length).toBeLessThan(1000);
  });

  test("an unknown route is a 404 that needs no token", async () => {
    for (const path of ["/v1/nothing", "/v2/jobs", "/v1/jobs/a/b/c", "/v1/jobs/%2e%2e/x/y"]) {
      const answer = await bench.call("GET", path);
      expect(answer.body, path).toMatchObject({ status: 404, code: "not-found", type: "urn:jobyard:problem:not-found" });
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
    }
  });

  test.each([
    ["/v1/job", "/v1/jobs"],
    ["/jobs", "/v1/jobs"],
    ["/v1/dead-letter/groups", "/v1/dead-letters/groups"],
    ["/v1/jobs/01abc/cancle", "/v1/jobs/{id}/cancel"],
  ])("the 404 of %s suggests %s", async (path, near) => {
    expect((await bench.call("POST", path)).body.detail).toBe(`There is no such route; did you mean ${near}? GET /v1 lists them.`);
  });

  test("a path that resembles no route gets no suggestion, and a long path is not compared", async () => {
    for (const path of ["/v1/weather", `/v1/job${"/x".repeat(20)}`, `/v1/jobs${"s".repeat(300)}`])
      expect((await bench.call("GET", path)).body.detail, path).toBe("There is no such route; GET /v1 lists them.");
  });

  test("GET /v1 lists every call in a line", async () => {
    const { status, body } = await bench.call("GET", "/v1");
    expect(status).toBe(200);
    expect(body.calls).toHaveLength(routes.length);
    expect(body.calls).toContainEqual({ call: "GET /v1/jobs/{id}", scope: "read", does: expect.any(String) });
  });

  test.each(["DELETE /v1/jobs", "PUT /v1/jobs/batch", "PATCH /v1/sites/shop", "GET /v1/jobs/x/cancel", "POST /healthz", "TRACE /v1/stats"])(
    "%s is a 405 that lists what is allowed",
    async (line) => {
      const [method = "", path = ""] = line.split(" ");
      // A Request cannot be made with TRACE, a socket can send it.
      const request =
        method === "TRACE" ? new Proxy(requestOf("GET", path, {}), { get: (target, key) => (key === "method" ? method : Reflect.get(target, key)) }) : null;
      const answer = request ? await answered(await createIntake(bench.deps)(request)) : await bench.call(method, path);
      expect(answer.status).toBe(405);
      const allow = answer.headers.get("allow")?.split(", ") ?? [];
      expect(allow).toContain("OPTIONS");
      expect(allow).not.toContain(method);
      for (const route of routes) if (route.path === path) expect(allow).toContain(route.method);
    },
  );

  test("OPTIONS lists the methods; HEAD is GET without its body", async () => {
    const options = await bench.call("OPTIONS", "/v1/jobs");
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toBe("POST, GET, HEAD, OPTIONS");
    const head = await bench.call("HEAD", "/v1/jobs", { token: own.read });
    expect([head.status, head.text, head.headers.get("content-type")]).toEqual([200, "", "application/json"]);
    const body = (await bench.call("GET", "/v1/jobs", { token: own.read })).text;
    expect(head.headers.get("content-length")).toBe(String(body.length));
    expect((await bench.call("HEAD", "/v1/jobs")).status).toBe(401);
    expect((await bench.call("HEAD", "/v1/jobs/batch", { token: own.operate })).status).toBe(405);
  });

  test("names in paths are names: 404 to read, 422 with the rule to create", async () => {
    for (const name of ["Shop", "a_b", "a%20b", "%00", "x".repeat(65), "..%2f..", "%F0%9F%98%80"]) {
      expect((await bench.call("GET", `/v1/sites/${name}`, { token: own.admin })).status, name).toBe(404);
      const put = await bench.call("PUT", `/v1/sites/${name}`, { token: own.admin, body: {} });
      expect(put.body, name).toMatchObject({ status: 422, errors: [{ path: "site" }] });
    }
  });

  test("every answer carries an id and is kept by no cache", async () => {
    const [one, two] = [await bench.call("GET", "/v1/jobs", { token: own.read }), await bench.call("GET", "/nothing")];
    expect(one.headers.get("x-request-id")).not.toBe(two.headers.get("x-request-id"));
    expect(two.body.requestId).toBe(two.headers.get("x-request-id"));
    expect([one.headers.get("cache-control"), one.headers.get("x-content-type-options")]).toEqual(["no-store", "nosniff"]);
  });
});

describe("the refusal of a wrong body names each issue", () => {
  test("unknown fields by name, with those that are known", async () => {
    const answer = await post({ type: "note", payload: { text: "x" }, delay: 5, at: 1 });
    expect(answer.body).toMatchObject({ status: 422, code: "invalid" });
    expect(answer.body.errors).toEqual([
      { path: "delay", message: "is not a field here; known are type, payload, delaySeconds, runAt, dryRun" },
      { path: "at", message: "is not a field here; known are type, payload, delaySeconds, runAt, dryRun" },
    ]);
  });

  test("nested ones too, and of the connection that the path names", async () => {
    const replay = await bench.call("POST", "/v1/replays", { token: own.operate, body: { filter: { kind: "x" } } });
    expect(replay.body.errors[0]).toMatchObject({ path: "filter.kind", message: expect.stringContaining("known are type, queue, state, siteId") });
    const connection = { provider: "slack", url: "https://example.com/x", apiKey: "k" };
    const put = await bench.call("PUT", "/v1/connections/slack", { token: own.admin, body: connection });
    expect(put.body.errors).toEqual([{ path: "apiKey", message: "is not a field here; known are provider, url, secret, limits" }]);
  });

  test("all issues at once, without repeating what was sent", async () => {
    const answer = await post({ type: "Not A Type", delaySeconds: -1, runAt: "tomorrow", dryRun: "anna@example.com" });
    expect(answer.body.errors.map((issue: { path: string }) => issue.path).sort()).toEqual(["delaySeconds", "dryRun", "payload", "runAt", "type"]);
    expect(answer.text).not.toContain("anna@example.com");
    expect(answer.text).not.toContain("tomorrow");
  });

  test.each(["null", "[]", '"text"', "1"])("%s is no object", async (body) => {
    for (const path of ["/v1/jobs", "/v1/jobs/batch", "/v1/replays"]) {
      const answer = await bench.call("POST", path, { token: own.admin, body });
      expect(answer.body, path).toMatchObject({ status: 422, errors: [{ path: "", message: "must be an object" }] });
    }
  });
});

describe("a failure", () => {
  const failing = (thrown: unknown) => {
    const broken = createIntakeBench();
    broken.deps.queries = { ...broken.deps.queries, jobs: () => Promise.reject(thrown) };
    return broken;
  };

  test("that is unexpected is a 500 without its text, and reported with the request's id", async () => {
    const broken = failing(new TypeError("secret internals of anna@example.com"));
    const answer = await broken.call("GET", "/v1/jobs", { token: own.read });
    expect(answer.body).toMatchObject({ status: 500, code: "internal" });
    expect(answer.text).not.toMatch(/secret|anna|TypeError|\bat\b.*\.ts/);
    expect(broken.seen.failures).toMatchObject([{ requestId: answer.body.requestId, method: "GET", route: "/v1/jobs" }]);
  });

  test("of the ledger is a 503 with Retry-After; of one of our statements a 500", async () => {
    const down = await failing(new Error("D1_ERROR: Network connection lost.")).call("GET", "/v1/jobs", { token: own.read });
    expect([down.status, down.headers.get("retry-after")]).toEqual([503, "5"]);
    const ours = await failing(new Error('D1_ERROR: near "SELEC": syntax error: SQLITE_ERROR')).call("GET", "/v1/jobs", { token: own.read });
    expect(ours.status).toBe(500);
  });

  test("that is foreseen is not reported", async () => {
    const broken = failing(new Problem("too-many-requests", "Slowly.", { retryAfter: 2.1 }));
    const answer = await broken.call("GET", "/v1/jobs", { token: own.read });
    expect([answer.status, answer.headers.get("retry-after"), broken.seen.failures]).toEqual([429, "3", []]);
  });

  test("of the door itself is answered too", async () => {
    const broken = createIntakeBench();
    broken.deps.auth.verifier = { verify: () => Promise.reject(new Error("no crypto")) };
    expect((await broken.call("GET", "/v1/jobs", { token: own.read })).status).toBe(500);
    const report = vi.fn<(failure: FailureReport) => void>();
    broken.deps.report = report;
    await broken.call("GET", "/v1/jobs", { token: own.read });
    expect(report).toHaveBeenCalledOnce();
  });
});
