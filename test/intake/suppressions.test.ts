import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createIntakeBench, type Tokens, unsubscribeTokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("sup-own");
  other = await bench.tenant("sup-other");
});

const call = (line: string, { body, token = own.admin }: { body?: unknown; token?: string } = {}) => {
  const [method = "", path = ""] = line.split(" ");
  return bench.call(method, path, { token, body });
};
const since = new Date(now).toISOString();

describe("suppressions", () => {
  test("are put, read, listed and removed, by any spelling of the address", async () => {
    const put = await call("PUT /v1/suppressions/Ada@Example.com", { body: { reason: "complaint" } });
    expect([put.status, put.body]).toEqual([200, { address: "ada@example.com", reason: "complaint", scope: "all", since }]);
    expect((await call("GET /v1/suppressions/ADA%40example.com")).body).toEqual(put.body);
    expect((await call("GET /v1/suppressions")).body).toEqual({ suppressions: [put.body], cursor: null });
    expect((await call("DELETE /v1/suppressions/ada@example.com")).status).toBe(204);
    expect((await call("GET /v1/suppressions/ada@example.com")).status).toBe(404);
    expect((await call("DELETE /v1/suppressions/ada@example.com")).status).toBe(404);
    expect(bench.seen.audits).toMatchObject([{ action: "unsuppress", tenant: "sup-own" }, { action: "unsuppress" }]);
    expect(JSON.stringify(bench.seen.audits)).not.toContain("ada@");
  });

  test("need no body, and refuse one that is wrong", async () => {
    expect((await call("PUT /v1/suppressions/no-body@example.com")).body).toMatchObject({ reason: "manual", scope: "all" });
    expect((await call("PUT /v1/suppressions/x@example.com", { body: { scope: "some", why: 1 } })).body).toMatchObject({
      status: 422,
      errors: [{ path: "scope" }, { path: "why" }],
    });
    expect((await call("PUT /v1/suppressions/nobody")).body).toMatchObject({ status: 422, errors: [{ path: "address" }] });
    expect((await call("PUT /v1/suppressions/x@example.com", { body: "{" })).status).toBe(400);
  });

  test("show addresses to admins alone, and to no other tenant", async () => {
    await call("PUT /v1/suppressions/grace@example.com");
    const read = await call("GET /v1/suppressions/grace@example.com", { token: own.read });
    expect([read.status, read.body.address]).toEqual([200, "•••"]);
    expect((await call("GET /v1/suppressions", { token: own.read })).text).not.toContain("grace@");
    expect((await call("PUT /v1/suppressions/grace@example.com", { token: own.operate })).text).not.toContain("grace@");
    expect((await call("GET /v1/suppressions/grace@example.com", { token: other.admin })).status).toBe(404);
    expect((await call("GET /v1/suppressions", { token: other.admin })).body.suppressions).toEqual([]);
    expect((await call("DELETE /v1/suppressions/grace@example.com", { token: own.read })).status).toBe(403);
  });

  test("are imported as a list; a wrong entry is reported and the rest goes on", async () => {
    const suppressions = ["a@b.example", { address: "c@d.example", scope: "bulk", reason: "unsubscribe" }, "nobody", { address: "e@f.example", scope: "x" }, 7];
    const { status, body } = await call("PUT /v1/suppressions", { body: { suppressions } });
    expect([status, body.accepted, body.rejected.map(({ index }: { index: number }) => index)]).toEqual([200, 2, [2, 3, 4]]);
    expect((await call("GET /v1/suppressions/c@d.example")).body).toMatchObject({ scope: "bulk", reason: "unsubscribe" });
    expect((await call("PUT /v1/suppressions", { body: { suppressions: [] } })).status).toBe(422);
    const many = Array.from({ length: 10_001 }, () => "a@b.example");
    expect((await call("PUT /v1/suppressions", { body: { suppressions: many } })).body).toMatchObject({ status: 422, errors: [{ path: "suppressions" }] });
  });

  test("a list of wrong entries gets an answer in proportion to it", async () => {
    const body = JSON.stringify({ suppressions: Array.from({ length: 10_000 }, () => 1) });
    const { status, text } = await call("PUT /v1/suppressions", { body });
    expect([status, JSON.parse(text)]).toMatchObject([200, { accepted: 0, rejected: expect.any(Array), unlisted: expect.any(Number) }]);
    expect(text.length).toBeLessThanOrEqual(2 * body.length + 20_000);
  });

  test("a filter or cursor that is none is refused", async () => {
    for (const query of ["reason=hate", "cursor=1", "limit=0", "address=x"]) expect((await call(`GET /v1/suppressions?${query}`)).status, query).toBe(422);
  });
});

describe("an unsubscribe link", () => {
  const link = async (address: string, campaign?: string) => `/u/${await unsubscribeTokens.make({ tenant: "sup-own", address, scope: "bulk", campaign })}`;

  test("shows a page and changes nothing until its button is pressed", async () => {
    const path = await link("<script>@example.com");
    const page = await bench.call("GET", path);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.text).toContain('<form method="post">');
    expect(page.text).not.toContain("<script>");
    expect(page.headers.get("content-security-policy")).toMatch(/default-src 'none'/);
    expect((await bench.call("HEAD", path)).status).toBe(200);
    expect((await call("GET /v1/suppressions/ada@u.example")).status).toBe(404);
  });

  test.each<[string, string, string]>([
    ["a mail program", "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"],
    ["one that sends multipart", '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--', "multipart/form-data; boundary=x"],
    ["the page's button", "", "application/x-www-form-urlencoded"],
  ])("acts at once for %s, without a token, a cookie or a redirect", async (name, body, type) => {
    const address = `${name.replaceAll(/\W/g, "")}@u.example`;
    const answer = await bench.call("POST", await link(address), { body, headers: { "content-type": type } });
    expect([answer.status, answer.text.includes("Unsubscribed")]).toEqual([200, true]);
    expect((await call(`GET /v1/suppressions/${address}`)).body).toMatchObject({ reason: "unsubscribe", scope: "bulk" });
  });

  test("works again after the suppression was lifted, and as often as it is used", async () => {
    const path = await link("again@u.example", "spring");
    for (let round = 0; round < 2; round++) {
      expect([(await bench.call("POST", path)).status, (await bench.call("POST", path)).status]).toEqual([200, 200]);
      expect((await call("DELETE /v1/suppressions/again@u.example")).status).toBe(204);
    }
    const { results } = await env.DB.prepare("SELECT * FROM mail_events WHERE tenant = 'sup-own' AND campaign = 'spring'").all();
    expect([results.length, JSON.stringify(results).includes("@")]).toEqual([1, false]);
  });

  test("that was not made here is refused", async () => {
    const path = await link("a@u.example");
    for (const wrong of [`${path.slice(0, -1)}${path.endsWith("A") ? "B" : "A"}`, `/u/${"A".repeat(60)}`, "/u/x"]) {
      expect([(await bench.call("GET", wrong)).status, (await bench.call("POST", wrong)).status]).toEqual([401, 401]);
      const shown = await bench.call("GET", wrong, { headers: { accept: "text/html,application/xhtml+xml" } });
      expect([shown.status, shown.headers.get("content-type"), shown.text]).toEqual([401, "text/html; charset=utf-8", expect.stringContaining("not complete")]);
    }
    expect((await bench.call("POST", path, { body: "x".repeat(20_000), headers: { "content-type": "application/x-www-form-urlencoded" } })).status).toBe(413);
  });
});
