import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeHeader } from "../../src/intake/events/cloud-event";
import { sign } from "../../src/standard-webhooks";
import { root, type Tokens } from "./bench";
import { createEventApiBench, doorSecret } from "./event-bench";
import { now } from "./given";

const { bench, taken, state, call } = createEventApiBench();

let tokens: Tokens;
beforeAll(async () => {
  tokens = await bench.tenant("shop");
  await bench.tenant("other");
  await bench.deps.tenants.put("collector", { name: "c", settings: { events: { unknown: "store" } } }, now);
});

const send = (body: unknown, headers: Record<string, string> = {}) => call("POST", "/v1/events", { token: tokens.enqueue, body, headers });
const last = () => taken.at(-1)?.payload as Record<string, unknown>;
let count = 0;
const fresh = () => `e-${++count}`;
const native = (changes: object = {}) => ({ id: fresh(), type: "lead.created", data: { id: "1" }, ...changes });
const cloud = (changes: object = {}) => ({ specversion: "1.0", id: fresh(), source: "/site", type: "lead.created", data: { id: "1" }, ...changes });
const structured = { "content-type": "application/cloudevents+json; charset=UTF-8" };
const batched = { "content-type": "Application/CloudEvents-Batch+JSON" };
const binary = (changes: Record<string, string> = {}) => ({
  "ce-specversion": "1.0",
  "ce-id": fresh(),
  "ce-source": "/site",
  "ce-type": "lead.created",
  ...changes,
});
const pathsOf = (body: { errors: { path: string }[] }) => body.errors.map(({ path }) => path).toSorted();

describe("what is refused, with the sender's own names", () => {
  test.each<[string, unknown, Record<string, string>, number, string[]]>([
    ["no JSON", "{", {}, 400, []],
    ["no object", [], {}, 422, [""]],
    ["nothing", {}, {}, 422, ["id", "type"]],
    ["an unknown type", native({ type: "tour.booked" }), {}, 422, ["type"]],
    ["a type that is ours to tell", native({ type: "job.done" }), {}, 422, ["type"]],
    ["wrong data", native({ data: { id: "1", email: 7 } }), {}, 422, ["data.email"]],
    ["a field too many", native({ hops: 1 }), {}, 422, ["hops"]],
    ["structured: another version", cloud({ specversion: "0.3" }), structured, 422, ["specversion"]],
    ["structured: nothing but data", { data: {} }, structured, 422, ["id", "source", "specversion", "type"]],
    ["structured: an empty source", cloud({ source: "" }), structured, 422, ["source"]],
    ["structured: a time that is none", cloud({ time: "noon" }), structured, 422, ["time"]],
    ["structured: an attribute's name", cloud({ my_flag: "x", camelCase: "y" }), structured, 422, ["camelCase", "my_flag"]],
    ["structured: data twice", cloud({ data_base64: "e30=" }), structured, 422, ["data_base64"]],
    ["structured: base64 of JSON that nests too deep", cloud({ data: undefined, data_base64: btoa("[".repeat(100_000)) }), structured, 422, ["data_base64"]],
    ["structured: base64 of no JSON", cloud({ data: undefined, data_base64: "AAAA" }), structured, 422, ["data_base64"]],
    ["structured: an extension that is an object", cloud({ flag: { a: 1 } }), structured, 422, ["flag"]],
    ["structured in another format", "x", { "content-type": "application/cloudevents+avro" }, 415, []],
    ["a batch that is no list", cloud(), batched, 422, [""]],
    ["binary: no source", { id: "1" }, { ...binary(), "ce-source": "" }, 422, ["ce-source"]],
    ["binary: a data type of its own", { id: "1" }, binary({ "ce-datacontenttype": "application/json" }), 422, ["ce-datacontenttype"]],
    ["binary: invalid UTF-8", { id: "1" }, binary({ "ce-subject": "%C0%A0" }), 400, ["ce-subject"]],
    ["binary: a name with a dash", { id: "1" }, binary({ "ce-my-flag": "x" }), 422, ["ce-my-flag"]],
    ["binary: a wrong time", { id: "1" }, binary({ "ce-time": "noon" }), 422, ["ce-time"]],
    ["binary: no JSON inside", "x", binary({ "content-type": "text/csv" }), 422, ["content-type"]],
    ["a compressed body", native(), { "content-encoding": "gzip" }, 415, []],
    ["XML", "<a/>", { "content-type": "application/xml" }, 415, []],
    ["another charset", native(), { "content-type": "application/json; charset=latin1" }, 415, []],
    ["one that goes round", native(), { "jobyard-hops": "6" }, 422, ["jobyard-hops"]],
    ["hops that are none", native(), { "jobyard-hops": "many" }, 422, ["jobyard-hops"]],
  ])("%s", async (_what, body, headers, status, paths) => {
    const answer = await send(body, headers);
    expect([answer.status, pathsOf(answer.body)]).toEqual([status, paths]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  test("what cannot be taken now", async () => {
    state.refuse = "unavailable";
    const answers = [await send(native()), await send([cloud(), cloud()], batched)];
    state.refuse = undefined;
    expect(answers.map(({ status, headers }) => [status, headers.get("retry-after")])).toEqual([
      [503, "5"],
      [503, "5"],
    ]);
  });

  test("another event under the same id", async () => {
    const id = fresh();
    await send(native({ id }));
    const answer = await send(native({ id, data: { id: "2" } }));
    expect([answer.status, answer.body.code, pathsOf(answer.body)]).toEqual([422, "idempotency-mismatch", ["id"]]);
  });

  test("more than a megabyte, but a batch may have ten", async () => {
    const large = "x".repeat(1024 * 1024 + 1);
    expect((await send(large)).status).toBe(413);
    expect((await send(`["${large}"]`, batched)).body).toMatchObject({ accepted: 0, rejected: [{ index: 0 }] });
    expect((await send("x".repeat(10 * 1024 * 1024 + 1), batched)).status).toBe(413);
  });
  test("without a token, or one that may only read", async () => {
    expect([
      (await call("POST", "/v1/events", { body: native() })).status,
      (await call("POST", "/v1/events", { token: tokens.read, body: native() })).status,
    ]).toEqual([401, 403]);
  });
});

describe("what is taken", () => {
  test("an event of ours", async () => {
    const event = native({ timestamp: "2026-10-01T12:00:00Z" });
    const answer = await send(event);
    expect([answer.status, answer.body]).toEqual([202, { id: `job-${taken.length}`, type: "event", state: "queued" }]);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/job-${taken.length}`);
    expect(taken.at(-1)).toMatchObject({ tenant: "shop", type: "event", own: ["event", event.id], formerKey: `event ${event.id}`, payload: event });
    expect((await send(event)).headers.get("idempotent-replayed")).toBe("true");
  });

  test("the three modes of CloudEvents are one event", async () => {
    const id = fresh();
    const time = "2026-10-01T12:00:00Z";
    await send(cloud({ id, time, subject: "Euro € 😀", traceid: "t-1" }), structured);
    const first = last();
    const headers = binary({ "ce-id": id, "ce-time": time, "ce-subject": "Euro%20%E2%82%AC%20%F0%9F%98%80", "ce-traceid": "t-1" });
    expect((await send({ id: "1" }, headers)).headers.get("idempotent-replayed")).toBe("true");
    await send([cloud({ id, time, subject: "Euro € 😀", traceid: "t-1", data: undefined, data_base64: btoa('{"id":"1"}') })], batched);
    expect(last()).toEqual(first);
    expect(first).toEqual({
      id,
      type: "lead.created",
      source: "/site",
      subject: "Euro € 😀",
      timestamp: time,
      data: { id: "1" },
      extensions: { traceid: "t-1" },
    });
  });

  test("in binary mode the answer has no body, which its senders would take for a reply", async () => {
    const headers = binary({ "ce-id": fresh() });
    const answer = await send({ id: "1" }, headers);
    expect([answer.status, answer.text, answer.headers.get("location")]).toEqual([202, "", `/v1/jobs/job-${taken.length}`]);
    expect((await send({ id: "1", email: 7 }, binary())).body).toMatchObject({ status: 422, errors: [{ path: "data.email" }] });
  });

  test("the same event with another time, trace or subject is the same, and another type or data is another", async () => {
    const id = fresh();
    const first = cloud({ id, time: "2026-10-01T12:00:00Z", traceparent: "00-a-b-01", data: { id: "1", score: 5 } });
    await send(first, structured);
    for (const change of [{ time: "2026-10-01T12:00:09Z" }, { traceparent: "00-c-d-01" }, { subject: "x", time: undefined }, { data: { score: 5, id: "1" } }]) {
      const again = await send({ ...first, ...change }, structured);
      expect([again.status, again.headers.get("idempotent-replayed")], JSON.stringify(change)).toEqual([202, "true"]);
    }
    for (const change of [{ data: { id: "1", score: 6 } }, { type: "lead.updated" }]) {
      expect((await send({ ...first, ...change }, structured)).body).toMatchObject({ status: 422, errors: [{ path: "id" }] });
    }
  });

  test("ids of two sources are two events", async () => {
    const id = fresh();
    const answers = [await send(cloud({ id, source: "/a" }), structured), await send(cloud({ id, source: "/b" }), structured)];
    expect(answers.map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, null]);
  });

  test("a CloudEvent that is called plain JSON, and one without data", async () => {
    expect((await send(cloud())).status).toBe(202);
    const answer = await send(undefined, { ...binary({ "ce-type": "lead.created" }) });
    expect([answer.status, pathsOf(answer.body)]).toEqual([422, ["data.id"]]);
  });

  test("a batch, each for itself", async () => {
    const answer = await send([cloud(), { id: "x" }, cloud({ type: "tour.booked" }), cloud()], batched);
    expect(answer.body).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, code: "invalid" },
        { index: 2, errors: [{ path: "type" }] },
      ],
    });
    expect(answer.body.ids.map((id: string | null) => id === null)).toEqual([false, true, true, false]);
    expect((await send([], batched)).body).toEqual({ accepted: 0, rejected: [], ids: [] });
  });

  test("any type, where the tenant says so", async () => {
    const answer = await call("POST", "/v1/events", { token: root, tenant: "collector", body: native({ type: "tour.booked", data: { x: 1 } }) });
    expect([answer.status, last()["type"]]).toEqual([202, "tour.booked"]);
  });

  test("what passed through here before, with its count", async () => {
    await send(native(), { "jobyard-hops": "2" });
    expect(last()["hops"]).toBe(2);
  });

  test("the handshake of CloudEvents' webhooks is answered", async () => {
    const answer = await call("OPTIONS", "/v1/events/shop", { headers: { "webhook-request-origin": "events.example.com" } });
    expect([answer.headers.get("webhook-allowed-origin"), answer.headers.get("webhook-allowed-rate"), answer.headers.get("allow")]).toEqual([
      "events.example.com",
      "*",
      "POST, OPTIONS",
    ]);
  });
});

test("a header's text is decoded as it was encoded, and never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => void expect(decodeHeader(encodeURIComponent(text.toWellFormed()))).toBe(text.toWellFormed())),
  );
  fc.assert(fc.property(fc.string(), (text) => ["string", "undefined"].includes(typeof decodeHeader(text))));
  expect(["Euro%20%e2%82%ac", '"a b"', "%41bc", "%C0%A0", "100%"].map(decodeHeader)).toEqual(["Euro €", "a b", "Abc", undefined, undefined]);
});

describe("the signed door", () => {
  const body = '{"type": "lead.created",  "data": {"id": "1"}}';
  const signed = async (changes: Record<string, string> = {}, text = body, at = now) => ({ ...(await sign(doorSecret, "msg_1", text, at)), ...changes });
  const knock = (headers: Record<string, string>, text = body, tenant = "shop") => call("POST", `/v1/events/${tenant}`, { body: text, headers });

  test("refuses all alike: unknown tenant, another's secret, wrong, old or no signature", async () => {
    const answers = [
      await knock({}),
      await knock(await signed({ "webhook-signature": "v1,AAAA" })),
      await knock(await signed({}, body, now - 301_000)),
      await knock(await signed(), `${body} `),
      await knock(await signed(), body, "other"),
      await knock(await signed(), body, "nobody"),
    ];
    expect(new Set(answers.map(({ status, body: { detail } }) => `${status} ${detail}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
  });

  test("takes what is signed, with the message's id for an event that has none", async () => {
    expect((await knock(await signed())).status).toBe(202);
    expect(taken.at(-1)).toMatchObject({ tenant: "shop", payload: { id: "msg_1", type: "lead.created" } });
    expect((await knock(await signed())).headers.get("idempotent-replayed")).toBe("true");
  });

  test("answers 503 while the sender cannot be looked up", async () => {
    state.door = "unknown";
    const { status } = await knock(await signed());
    state.door = "known";
    expect(status).toBe(503);
  });
});
