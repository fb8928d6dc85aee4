import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test } from "vitest";
import { createBulkStore } from "../../src/domain/bulk-actions/store";
import { bulkActionShape } from "../../src/intake/routes/bulk-actions";
import { createIntakeBench } from "./bench";
import { type GivenJob, givenJob, now } from "./given";

const bench = createIntakeBench();
const own = await bench.tenant("bulk-own");
const other = await bench.tenant("bulk-other");
const paths = ["/v1/jobs/cancel", "/v1/jobs/run-now", "/v1/dead-letters/dismiss"];

/** What each of them acts on. */
const acted: [path: string, job: GivenJob][] = [
  ["/v1/jobs/cancel", {}],
  ["/v1/jobs/run-now", { state: "waiting" }],
  ["/v1/dead-letters/dismiss", { state: "dead", settled: { reason: "503" } }],
];

test.each(acted)("%s: a plan acts on nothing, an action acts on all that fit, and its own tenant follows it", async (path, job) => {
  const tenant = `bulk${path.replaceAll("/", "-")}`;
  const { operate, read } = await bench.tenant(tenant);
  for (let n = 0; n < 3; n++) await givenJob(tenant, job);
  await givenJob(tenant, { ...job, type: "email" });
  const send = (body: object) => bench.call("POST", path, { token: operate, body });
  for (let round = 0; round < 2; round++)
    expect(await send({ filter: { type: "note" }, plan: true })).toMatchObject({ status: 200, body: { total: 3, byType: { note: 3 } } });
  const audited = bench.seen.audits.length;
  const made = await send({ filter: { type: "note" } });
  expect(made.status, made.text).toBe(202);
  expect(v.is(bulkActionShape, made.body)).toBe(true);
  expect(made.body).toMatchObject({ state: "done", total: 3, done: 3, failed: 0 });
  const location = made.headers.get("location") ?? "";
  expect(location).toBe(`/v1/bulk-actions/${made.body.id}`);
  expect(bench.seen.audits.slice(audited)).toMatchObject([{ action: made.body.action, target: made.body.id }]);
  expect((await send({ filter: { type: "note" }, plan: true })).body.total).toBe(0);
  expect((await bench.call("GET", location, { token: read })).body).toEqual(made.body);
  expect((await bench.call("GET", location, { token: other.read })).status).toBe(404);
  expect((await bench.call("GET", "/v1/bulk-actions", { token: read })).body.actions.map(({ id }: { id: string }) => id)).toEqual([made.body.id]);
});

test("an action that goes on is stopped once, by its own tenant", async () => {
  const request = { action: "cancel", filter: { type: "note" } } as const;
  const action = { tenant: "bulk-own", id: "long", action: "cancel", state: "running", request, total: 5000, done: 0, failed: 0, cursor: null } as const;
  await createBulkStore(env.DB).insert({ ...action, at: now, endedAt: null });
  const abort = (token: string) => bench.call("POST", "/v1/bulk-actions/long/abort", { token });
  expect((await abort(other.operate)).status).toBe(404);
  expect((await abort(own.operate)).body).toMatchObject({ state: "stopped", total: 5000 });
  expect(await abort(own.operate)).toMatchObject({ status: 409, body: { detail: "The action has ended: it is stopped." } });
});

test.each([...paths, "/v1/replays"])("%s: acts on the children of a job of its own tenant", async (path) => {
  const tenant = `children${path.replaceAll("/", "-")}`;
  const { operate } = await bench.tenant(tenant);
  const parent = await givenJob(tenant, { state: "waiting" });
  const send = (of: string, token = operate) => bench.call("POST", path, { token, body: { filter: { parent: of }, plan: true } });
  expect(await send(parent)).toMatchObject({ status: 200, body: { total: 0 } });
  for (const answer of [await send(parent, other.operate), await send(`${parent.slice(0, -1)}${parent.endsWith("0") ? "1" : "0"}`)])
    expect(answer.body).toMatchObject({ status: 422, errors: [{ path: "filter.parent", message: "is no job of this tenant" }] });
});

test.each(paths)("%s: nothing acts on an empty filter, on both, on neither, or on another tenant's jobs", async (path) => {
  const send = (body: object) => bench.call("POST", path, { token: own.operate, body });
  const wrong: [object, string][] = [
    [{ filter: {} }, "filter"],
    [{}, "filter or ids"],
    [{ ids: [] }, "ids"],
    [{ filter: { type: "note" }, ids: ["a"] }, "filter or ids"],
    [{ filter: { kind: "x" } }, "filter.kind"],
    [{ filter: { state: "done" } }, "filter.state"],
    [{ ids: [await givenJob("bulk-other")] }, "ids[0]"],
  ];
  for (const [body, sentence] of wrong) {
    const answer = await send(body);
    expect([answer.status, answer.text.includes(sentence)], `${JSON.stringify(body)}: ${answer.text}`).toEqual([422, true]);
  }
});

test.each([...paths, "/v1/replays"])("%s: the same key begins it once, another request under the key is refused", async (path) => {
  const send = (key: string, body: object, token = own.operate) => bench.call("POST", path, { token, body, headers: { "idempotency-key": key } });
  const body = { filter: { type: "note", q: "again" } };
  const audited = bench.seen.audits.length;
  const first = await send("k-1", body);
  const audits = bench.seen.audits.length - audited;
  expect([first.status, first.headers.has("idempotent-replayed")]).toEqual([202, false]);
  const again = await send('"k-1"', { filter: { q: "again", type: "note" } });
  expect([again.status, again.body.id, again.headers.get("idempotent-replayed")]).toEqual([202, first.body.id, "true"]);
  expect(again.headers.get("location")).toBe(first.headers.get("location"));
  expect(bench.seen.audits).toHaveLength(audited + audits);
  expect((await send("k-1", { filter: { type: "email" } })).body).toMatchObject({ status: 422, code: "idempotency-mismatch" });
  expect((await send("k-2", body)).body.id).not.toBe(first.body.id);
  expect((await send("k-1", body, other.operate)).body.id).not.toBe(first.body.id);
  expect((await send("k".repeat(257), body)).status).toBe(422);
});
