import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, expect, test } from "vitest";
import { failureShape, failuresShape } from "../../src/intake/routes/failures";
import { createIntakeBench, root } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
const own = await bench.tenant("failures-own");
const other = await bench.tenant("failures-other");
const group = "abcdefgh01234567";

beforeEach(async () => {
  await env.DB.batch(["failure_groups", "versions"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  const sql = `INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours) VALUES (?1, ?2, 'note', 'it broke', ?3, ?4, 7, '{}')`;
  await env.DB.batch(["failures-own", "failures-other"].map((tenant, index) => env.DB.prepare(sql).bind(tenant, group, now - 7200_000, now - 60_000 - index)));
});

const get = (path: string, token: string) => bench.call("GET", path, { token });
const put = (body: object, token = own.operate) => bench.call("PUT", `/v1/failures/${group}`, { token, body });

test("are listed for a tenant, and for the root token across tenants", async () => {
  const listed = await get("/v1/failures", own.read);
  expect(listed.status, listed.text).toBe(200);
  expect(v.is(failuresShape, listed.body)).toBe(true);
  expect(listed.body).toMatchObject({ failures: [{ group, tenant: "failures-own", title: "it broke", total: 7, isNew: false }], cursor: null, deploy: null });
  const all = await bench.call("GET", "/v1/failures", { token: root });
  expect(all.body.failures.map(({ tenant }: { tenant: string }) => tenant)).toEqual(["failures-own", "failures-other"]);
});

test("since the deploy: those that failed after the newest version was first seen", async () => {
  const version = (id: string, at: number) => env.DB.prepare("INSERT INTO versions (id, tag, first_at) VALUES (?, 'tag', ?)").bind(id, at).run();
  await version("v1", now - 3600_000);
  const since = await get("/v1/failures?since=deploy", own.read);
  expect(since.body).toMatchObject({ failures: [{ group, isNew: false }], deploy: { version: "v1", tag: "tag", at: new Date(now - 3600_000).toISOString() } });
  await version("v2", now);
  expect((await get("/v1/failures?since=deploy", own.read)).body.failures).toEqual([]);
  expect((await get("/v1/failures?since=yesterday", own.read)).status).toBe(422);
});

test("one is read with the replays that were tried, by its own tenant", async () => {
  const replay = await bench.call("POST", "/v1/replays", { token: own.operate, body: { filter: { group } } });
  const detail = await get(`/v1/failures/${group}`, own.read);
  expect(v.is(failureShape, detail.body), detail.text).toBe(true);
  expect(detail.body.replays).toMatchObject([{ id: replay.body.id, sent: 0 }]);
  expect((await get("/v1/failures/0000000000000000", own.read)).status).toBe(404);
  expect((await get("/v1/failures/short", own.read)).status).toBe(404);
});

test("is resolved or ignored by an operator of the tenant; another tenant's group does not change", async () => {
  expect((await put({ status: "ignored", untilCount: 20, note: "the shop is closed" })).body).toMatchObject({
    status: "ignored",
    untilCount: 20,
    note: "the shop is closed",
    actor: expect.any(String),
    statusAt: new Date(now).toISOString(),
  });
  expect((await get(`/v1/failures/${group}`, other.read)).body.status).toBe("open");
  expect((await get("/v1/failures?status=open", own.read)).body.failures).toEqual([]);
  expect((await put({ status: "resolved" }, own.read)).status).toBe(403);
  expect((await put({ status: "resolved", untilCount: 5 })).body.errors).toMatchObject([{ path: "untilCount", message: expect.stringContaining("ignored") }]);
  expect((await put({ status: "ignored", untilCount: 0 })).status).toBe(422);
  expect((await put({ status: "closed" })).body.errors).toMatchObject([{ path: "status" }]);
});

test.each(["/v1/failures/short", "/v1/failures/0000000000000000", "/v1/campaigns/No_Such/recipients", "/v1/agents/No_Such/budget"])(
  "PUT %s, which creates nothing, is 404 for a name that cannot exist, as for one that does not",
  async (path) => {
    const bodies: Record<string, object | string> = {
      failures: { status: "ignored" },
      campaigns: "email\n",
      agents: { maxSteps: 2 },
      media: { altText: "A chair" },
    };
    const { admin } = await bench.tenant("failures-names");
    const answer = await bench.call("PUT", path, { token: admin, body: bodies[path.split("/")[2] ?? ""] });
    expect(answer.body).toMatchObject({ status: 404, code: "not-found" });
  },
);
