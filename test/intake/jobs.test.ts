import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { acceptedShape, batchShape, cancelledShape, retriedShape } from "../../src/intake/shapes";
import { createIntakeBench, root, type Tokens } from "./bench";
import { givenJob } from "./given";

const bench = createIntakeBench();

let own: Tokens;

let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("jobs-own");
  other = await bench.tenant("jobs-other");
});

const post = (body: unknown, key?: string) =>
  bench.call("POST", "/v1/jobs", { token: own.enqueue, body, headers: key === undefined ? {} : { "idempotency-key": key } });

const payload = { text: "hello" };

const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

describe("POST /v1/jobs", () => {
  test("refuses what is wrong and enqueues nothing", async () => {
    const before = bench.seen.requests.length;
    expect((await post({ type: "nothing", payload })).body).toMatchObject({ status: 422, errors: [{ path: "type" }] });
    expect((await post({ type: "note", payload: { text: 5 } })).body).toMatchObject({ status: 422, errors: [{ path: "payload.text" }] });
    expect((await post({ type: "email", payload: { to: "not an address" } })).body.errors[0].path).toMatch(/^payload/);
    expect((await post({ type: "note", payload, delaySeconds: 5, runAt: "2026-10-02T00:00:00Z" })).body).toMatchObject({ errors: [{ path: "runAt" }] });
    for (const delaySeconds of [-1, 1.5, 31_622_401, "5", null]) expect((await post({ type: "note", payload, delaySeconds })).status).toBe(422);
    for (const runAt of ["2026-13-01T00:00:00Z", "2026-10-02T00:00:00", "now", 5, ""]) expect((await post({ type: "note", payload, runAt })).status).toBe(422);
    expect(bench.seen.requests).toHaveLength(before);
  });

  test("answers 202 with id, type, state and where to look", async () => {
    const answer = await post({ type: "note", payload, runAt: "2026-10-02T02:00:00+02:00", dryRun: true });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ id: expect.any(String), type: "note", state: "queued" });
    expect(fits(acceptedShape, answer.body)).toBe(true);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${answer.body.id}`);
    expect(answer.headers.has("idempotent-replayed")).toBe(false);
    expect(bench.seen.requests.at(-1)).toMatchObject({ tenant: "jobs-own", type: "note", payload, runAt: Date.UTC(2026, 9, 2), dryRun: true });
  });

  test("hands the trace of a valid traceparent on, and ignores any other", async () => {
    const header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const send = (traceparent: string) => bench.call("POST", "/v1/jobs", { token: own.enqueue, body: { type: "note", payload }, headers: { traceparent } });
    expect((await send(header)).status).toBe(202);
    expect(bench.seen.requests.at(-1)).toMatchObject({ trace: "4bf92f3577b34da6a3ce929d0e0e4736-01" });
    for (const wrong of [header.toUpperCase(), `${header}0`, "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "x".repeat(5000)]) {
      expect((await send(wrong)).status).toBe(202);
      expect(bench.seen.requests.at(-1)).not.toHaveProperty("trace");
    }
  });

  test("gives the same id for the same key, quoted or bare, and refuses another payload", async () => {
    const first = await post({ type: "note", payload }, '"order \\"7\\""');
    const again = await post({ type: "note", payload }, '"order \\"7\\""');
    expect(again.body).toEqual(first.body);
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect(bench.seen.requests.at(-1)?.key).toBe('order "7"');
    const [quoted, bare] = [await post({ type: "note", payload }, '"k-1"'), await post({ type: "note", payload }, "k-1")];
    expect(bare.body.id).toBe(quoted.body.id);
    expect((await post({ type: "note", payload: { text: "other" } }, "k-1")).body).toMatchObject({ status: 422, code: "idempotency-mismatch" });
    const foreign = await bench.call("POST", "/v1/jobs", { token: other.enqueue, body: { type: "note", payload }, headers: { "idempotency-key": "k-1" } });
    expect(foreign.body.id).not.toBe(quoted.body.id);
  });

  test.each(["", '"', '"open', '"a"b"', '"a\\x"', '""', "x".repeat(257), `"${"x".repeat(257)}"`, "caf\u00e9", '"a";p=1'])("refuses the key %j", async (key) => {
    expect((await post({ type: "note", payload }, key)).body).toMatchObject({ status: 422, errors: [{ path: "Idempotency-Key" }] });
  });

  test("passes on what enqueue refuses: 429 and 503 with Retry-After", async () => {
    const busy = createIntakeBench();
    busy.deps.enqueue = async () => [{ ok: false, code: "too-many-requests", detail: "Full.", errors: [], retryAfter: 30 }];
    const answer = await busy.call("POST", "/v1/jobs", { token: own.enqueue, body: { type: "note", payload } });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "30"]);
    busy.deps.enqueue = async () => [];
    expect((await busy.call("POST", "/v1/jobs", { token: own.enqueue, body: { type: "note", payload } })).status).toBe(503);
  });

  test("lets the root token act for a tenant", async () => {
    const answer = await bench.call("POST", "/v1/jobs", { token: root, tenant: "jobs-own", body: { type: "note", payload } });
    expect([answer.status, bench.seen.requests.at(-1)?.tenant]).toEqual([202, "jobs-own"]);
  });
});

describe("POST /v1/jobs/batch", () => {
  const batch = (jobs: unknown) => bench.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs } });

  test("refuses none, too many, and what is no list", async () => {
    expect((await batch([])).body).toMatchObject({ status: 422, errors: [{ path: "jobs", message: "must hold 1 to 10,000 jobs" }] });
    expect((await batch(Array(10_001).fill(1))).body).toMatchObject({ status: 422, errors: [{ path: "jobs", message: "must hold 1 to 10,000 jobs" }] });
    expect((await batch({})).status).toBe(422);
    expect((await bench.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: [] })).status).toBe(422);
  });

  test("takes the good ones and says of each other one what is wrong", async () => {
    const answer = await batch([
      { type: "note", payload, idempotencyKey: "b-1" },
      { type: "note", payload: { text: "\ud800" } },
      "nonsense",
      { type: "note", payload, extra: 1 },
      { type: "nothing", payload },
      { type: "note", payload, idempotencyKey: "b-1" },
      { type: "note", payload: { text: "other" }, idempotencyKey: "b-1" },
    ]);
    expect(answer.status).toBe(202);
    expect(fits(batchShape, answer.body)).toBe(true);
    expect(answer.body.accepted).toBe(2);
    expect(answer.body.ids.map((id: string | null) => id === null)).toEqual([false, true, true, true, true, false, true]);
    expect(answer.body.ids[5]).toBe(answer.body.ids[0]);
    expect(answer.body.rejected).toMatchObject([
      { index: 1, code: "invalid", errors: [{ path: "payload.text" }] },
      { index: 2, code: "invalid" },
      { index: 3, code: "invalid", errors: [{ path: "extra" }] },
      { index: 4, code: "invalid", errors: [{ path: "type" }] },
      { index: 6, code: "idempotency-mismatch" },
    ]);
  });

  test("hands on why a job failed elsewhere, and refuses a delay beside it", async () => {
    const answer = await batch([
      { type: "note", payload, failed: "imported-failed: no" },
      { type: "note", payload, failed: "x", delaySeconds: 5 },
      { type: "note", payload, failed: "" },
    ]);
    expect(bench.seen.requests.at(-1)).toMatchObject({ failed: "imported-failed: no" });
    expect(answer.body.rejected).toMatchObject([
      { index: 1, errors: [{ path: "failed", message: "cannot go together with a delay" }] },
      { index: 2, errors: [{ path: "failed", message: "must be 1 to 1,000 characters" }] },
    ]);
  });

  test("with the header a repeated list doubles nothing; a job's own key goes before it", async () => {
    const jobs = [
      { type: "note", payload },
      { type: "note", payload },
      { type: "note", payload, idempotencyKey: "own-1" },
    ];
    const send = async (key: string) => {
      const before = bench.seen.requests.length;
      const { status } = await bench.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs }, headers: { "idempotency-key": key } });
      expect(status).toBe(202);
      return bench.seen.requests.slice(before).map((each) => each.key);
    };
    expect(await send('"list 1"')).toEqual(["list 1:0", "list 1:1", "own-1"]);
    expect(await send("x".repeat(256))).toEqual([expect.stringMatching(/^\w{51}$/), expect.stringMatching(/^\w{51}$/), "own-1"]);
    const wrong = await bench.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs }, headers: { "idempotency-key": "é" } });
    expect(wrong.body).toMatchObject({ status: 422, errors: [{ path: "Idempotency-Key" }] });
  });

  test("takes ten thousand", async () => {
    const answer = await batch(Array(10_000).fill({ type: "note", payload }));
    expect([answer.status, answer.body.accepted, new Set(answer.body.ids).size]).toEqual([202, 10_000, 10_000]);
  });

  test("says when what was refused may be sent again, and nothing of it when that would not help", async () => {
    const partly = createIntakeBench();
    const { enqueue } = partly.deps;
    const over = { ok: false, code: "too-many-requests", detail: "Over.", errors: [], retryAfter: 17 } as const;
    partly.deps.enqueue = async (requests) => [...(await enqueue(requests.slice(0, 1))), ...requests.slice(1).map(() => over)];
    const send = (...jobs: object[]) => partly.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs } });
    const answer = await send({ type: "note", payload }, { type: "note", payload });
    expect([answer.status, answer.body.accepted, answer.headers.get("retry-after")]).toEqual([202, 1, "17"]);
    expect((await send({ type: "note", payload }, { type: "note" })).headers.has("retry-after")).toBe(false);
  });

  test("is refused whole only when there was no room for any", async () => {
    const busy = createIntakeBench();
    const full = { ok: false, code: "too-many-requests", detail: "Full.", errors: [], retryAfter: 9 } as const;
    busy.deps.enqueue = async (requests) => requests.map(() => full);
    const answer = await busy.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs: [{ type: "note", payload }] } });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "9"]);
    busy.deps.enqueue = async (requests) => requests.map((_, index) => ({ ...full, code: "unavailable", retryAfter: index + 0.5 }));
    const two = await busy.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs: Array(2).fill({ type: "note", payload }) } });
    expect([two.status, two.headers.get("retry-after")]).toEqual([202, "2"]);
    const lost = await busy.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: { jobs: [{ type: "note", payload }] } });
    expect(lost.body).toMatchObject({ accepted: 0, rejected: [{ index: 0, code: "unavailable" }], ids: [null] });
  });
});

describe("cancel and retry", () => {
  const act = (verb: string, id: string) => bench.call("POST", `/v1/jobs/${id}/${verb}`, { token: own.operate });

  test.each([
    ["cancel", 200],
    ["retry", 409],
    ["run-now", 409],
  ])("%s answers 404 for forged and foreign jobs, and takes one without a row as queued", async (verb, status) => {
    expect((await act(verb, await givenJob("jobs-other"))).status).toBe(404);
    expect((await act(verb, "0".repeat(34))).status).toBe(404);
    const { id } = (await post({ type: "note", payload })).body;
    const early = await act(verb, id);
    expect(early.status).toBe(status);
  });

  test("an ended job cannot be cancelled, a running one cannot be retried", async () => {
    const cancel = await act("cancel", await givenJob("jobs-own", { state: "done" }));
    expect(cancel.body).toMatchObject({ status: 409, code: "conflict", detail: "The job has ended: it is done." });
    const retry = await act("retry", await givenJob("jobs-own", { state: "running" }));
    expect(retry.body).toMatchObject({ status: 409, detail: "A job that is running cannot be retried; one that failed, was cancelled or waits can." });
  });

  test("run-now brings forward what is held back, and says what cannot be", async () => {
    const id = await givenJob("jobs-own", { state: "waiting" });
    const run = await act("run-now", id);
    expect([run.status, run.body, run.headers.get("location")]).toEqual([202, { id, state: "queued" }, `/v1/jobs/${id}`]);
    const ended = await act("run-now", await givenJob("jobs-own", { state: "dead", settled: { reason: "503" } }));
    expect(ended.body).toMatchObject({ status: 409, detail: "A job that is dead is not held back; retry it." });
    expect((await act("run-now", await givenJob("jobs-own", { state: "running" }))).status).toBe(409);
  });

  test("they answer 200 and 202", async () => {
    const waiting = await act("cancel", await givenJob("jobs-own", { state: "waiting" }));
    expect(waiting).toMatchObject({ status: 200, body: { state: "cancelled", cancelling: false } });
    expect(fits(cancelledShape, waiting.body)).toBe(true);
    const id = await givenJob("jobs-own", { state: "dead", settled: { reason: "503" } });
    const retried = await act("retry", id);
    expect(retried).toMatchObject({ status: 202, body: { id, state: "queued" } });
    expect([fits(retriedShape, retried.body), retried.headers.get("location")]).toEqual([true, `/v1/jobs/${id}`]);
  });
});
