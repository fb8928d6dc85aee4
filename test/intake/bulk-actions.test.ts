import * as v from "valibot";
import { expect, test } from "vitest";
import { bulkActionShape } from "../../src/intake/routes/bulk-actions";
import { createIntakeBench, givenJob } from "./fakes";

const bench = createIntakeBench();
const own = await bench.tenant("bulk-own");
const other = await bench.tenant("bulk-other");
const paths = ["/v1/jobs/cancel", "/v1/jobs/run-now", "/v1/dead-letters/dismiss"];

test.each(paths)("%s: a plan acts on nothing, an action is followed and stopped by its own tenant", async (path) => {
  const send = (body: object, token = own.operate) => bench.call("POST", path, { token, body });
  expect(await send({ filter: { type: "note" }, plan: true })).toMatchObject({ status: 200, body: { total: 7, byType: { note: 7 } } });
  const audited = bench.seen.audits.length;
  const made = await send({ filter: { type: "note" } });
  expect(made.status, made.text).toBe(202);
  expect(v.is(bulkActionShape, made.body)).toBe(true);
  const location = made.headers.get("location") ?? "";
  expect(location).toBe(`/v1/bulk-actions/${made.body.id}`);
  expect(bench.seen.audits.slice(audited)).toMatchObject([{ action: made.body.action, target: made.body.id }]);
  expect((await bench.call("GET", location, { token: own.read })).body).toEqual(made.body);
  expect((await bench.call("GET", location, { token: other.read })).status).toBe(404);
  expect((await bench.call("GET", "/v1/bulk-actions", { token: own.read })).body.actions.map(({ id }: { id: string }) => id)).toContain(made.body.id);
  expect((await bench.call("POST", `${location}/abort`, { token: other.operate })).status).toBe(404);
  expect((await bench.call("POST", `${location}/abort`, { token: own.operate })).body).toMatchObject({ state: "stopped" });
  expect(await bench.call("POST", `${location}/abort`, { token: own.operate })).toMatchObject({
    status: 409,
    body: { detail: "The action has ended: it is stopped." },
  });
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
    [{ ids: [await givenJob(bench, "bulk-other")] }, "ids[0]"],
  ];
  for (const [body, told] of wrong) {
    const answer = await send(body);
    expect([answer.status, answer.text.includes(told)], `${JSON.stringify(body)}: ${answer.text}`).toEqual([422, true]);
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
