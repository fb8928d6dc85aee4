import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Receipt } from "../../src/queue/request";
import { type Answered } from "./calls";
import { createIntakeBench } from "./bench";
import { breakableDb } from "../tenants/fakes";

const bench = createIntakeBench();
const path = "/v1/leads/repeats/homes";
let apiKey: string;
let ids: { siteKey: string; formId: string };

beforeAll(async () => {
  const { admin } = await bench.tenant("repeats");
  const settings = { domains: ["homes.example"], blockedIps: ["192.0.2.66", "2001:db8::1"] };
  const { body } = await bench.call("PUT", "/v1/projects/homes", { token: admin, body: settings });
  apiKey = body.apiKey;
  ids = { siteKey: body.siteKey, formId: body.formId };
});
beforeEach(() => {
  bench.seen.requests.length = 0;
  bench.seen.audits.length = 0;
});

const keyed = (body: unknown, headers: Record<string, string> = {}) => bench.call("POST", path, { body, headers: { "x-api-key": apiKey, ...headers } });
const browse = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  bench.call("POST", path, {
    body: new URLSearchParams({ ...ids, ...fields }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json", origin: "https://homes.example", ...headers },
  });
const inTurn = async (posts: (() => Promise<Answered>)[]) => {
  const answers: Answered[] = [];
  for (const post of posts) answers.push(await post());
  return answers;
};

describe("a double click", () => {
  test("by the form's nonce is one submission, though the clock went on; a corrected form is another", async () => {
    const first = await browse({ email: "a@example.com", __pg_nonce: "n1", __pg_tts: "4" });
    const second = await browse({ email: "a@example.com", __pg_nonce: "n1", __pg_tts: "6" });
    expect([second.status, second.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
    expect(new Set(bench.seen.requests.map(({ own }) => own?.[0])).size).toBe(1);
    const corrected = await browse({ email: "ada@example.com", __pg_nonce: "n1", __pg_tts: "9" });
    expect(corrected.body.id).not.toBe(first.body.id);
    expect(new Set(bench.seen.requests.map(({ own }) => own?.[0])).size).toBe(2);
  });

  test("is one whatever the tracker says of itself, in fields known and unknown", async () => {
    const click = (own: Record<string, string>) => browse({ email: "a@example.com", wants: "a garden", __pg_nonce: "n2", ...own });
    const first = await click({ __pg_mouse: "0", _pg_seen: "1", __visitor_id: "v1", session_id: "s1", pages_visited: "1", __depth: "3" });
    const second = await click({ __pg_mouse: "1", _PG_seen: "2", __visitor_id: "v2", session_id: "s2", pages_visited: "2", __pg_hp: "" });
    expect([second.headers.get("idempotent-replayed"), second.body.id]).toEqual(["true", first.body.id]);
    expect((await click({ wants: "a garage" })).body.id).not.toBe(first.body.id);
    const visitors = [await browse({ __visitor_id: "v1", __pg_nonce: "n3" }), await browse({ __visitor_id: "v2", __pg_nonce: "n3" })];
    expect(new Set(visitors.map(({ body }) => body.id)).size).toBe(2);
  });

  test("without one, every post is a submission", async () => {
    const posts = [await browse({ email: "a@example.com" }), await browse({ email: "a@example.com" })];
    expect(new Set(posts.map(({ body }) => body.id)).size).toBe(2);
    expect(bench.seen.requests.map(({ own }) => own?.[0])).toEqual([undefined, undefined]);
  });

  test("by Idempotency-Key is one submission; under the key another lead is refused", async () => {
    const post = (email: string, tts: string, ip: string) =>
      keyed({ email, __pg_tts: tts }, { "idempotency-key": tts === "4" ? '"click-1"' : "click-1", "cf-connecting-ip": ip });
    const first = await post("a@example.com", "4", "192.0.2.1");
    const second = await post("a@example.com", "6", "192.0.2.2");
    expect([first.status, second.status, second.headers.get("idempotent-replayed"), second.body.id]).toEqual([200, 200, "true", first.body.id]);
    expect((await post("b@example.com", "6", "192.0.2.1")).body).toMatchObject({ status: 422, code: "idempotency-mismatch" });
  });

  test("by a browser does not use up the key of the tenant's own server", async () => {
    const key = { "idempotency-key": "order-1001" };
    expect((await browse({ email: "stranger@example.com" }, key)).status).toBe(200);
    const genuine = await keyed({ email: "customer@example.com" }, key);
    expect([genuine.status, genuine.headers.get("idempotent-replayed")]).toEqual([200, null]);
  });

  test("of a person who was erased meanwhile is a submission of its own", async () => {
    const { enqueue } = bench.deps;
    const erased: Receipt = { ok: true, id: "erased", type: "lead", state: "done", replayed: true, erased: true };
    bench.deps.enqueue = async (requests) => (requests[0]?.own === undefined ? enqueue(requests) : [erased]);
    const answer = await browse({ email: "a@example.com", __pg_nonce: "erased" });
    bench.deps.enqueue = enqueue;
    expect(answer.status).toBe(200);
    expect(bench.seen.requests).toHaveLength(1);
  });
});

describe("a blocked sender", () => {
  // Addresses for documentation (RFC 5737, RFC 3849): the first as the list of blocked senders has it, the second spelled in another way.
  test.each(["192.0.2.66", "2001:DB8:0:0:0:0:0:1"])("%s gets the answers to a repeat that each sender gets, and is stored nowhere", async (ip) => {
    const looks = (sender: Record<string, string>, key: string) => {
      const under = (email: string, tts: string) => keyed({ email, __pg_tts: tts }, { ...sender, "idempotency-key": key });
      const press = () => browse({ email: "a@example.com", __pg_nonce: key }, sender);
      return Promise.all([
        inTurn([() => under("a@example.com", "4"), () => under("a@example.com", "6"), () => under("b@example.com", "4")]),
        inTurn([press, press]),
      ]);
    };
    const [blocked, usual] = [await looks({ "cf-connecting-ip": ip }, `key ${ip}`), await looks({}, `usual ${ip}`)];
    const shape = ({ status, headers, body }: Answered) => [
      status,
      [...headers.keys()].sort(),
      headers.get("idempotent-replayed"),
      Object.keys(body),
      body.code,
    ];
    expect(blocked.flat().map(shape)).toEqual(usual.flat().map(shape));
    expect(blocked.map((answers) => new Set(answers.flatMap(({ body }) => body.id ?? [])).size)).toEqual([1, 1]);
    expect(blocked[0][2]?.body).toMatchObject({ status: 422, code: "idempotency-mismatch" });
    // Of the usual five: the one under a key with another payload was refused.
    expect(bench.seen.requests).toHaveLength(4);
    const { results } = await env.DB.prepare("SELECT * FROM lead_blocked WHERE tenant = 'repeats'").all();
    expect(JSON.stringify([results, bench.seen.audits])).not.toMatch(/example\.com|192\.0\.2|2001/i);
  });

  test("sees a success while D1 is down, without a word of repeats", async () => {
    const { db } = bench.deps;
    const broken = breakableDb();
    broken.state.mode = "down";
    bench.deps.db = broken.db;
    const press = () => browse({ email: "a@example.com", __pg_nonce: "down" }, { "cf-connecting-ip": "192.0.2.66" });
    const answers = [await press(), await press()];
    bench.deps.db = db;
    expect(broken.state.trips).toBe(2);
    expect(answers.map(({ status, headers }) => [status, headers.get("idempotent-replayed")])).toEqual([
      [200, null],
      [200, null],
    ]);
    expect(answers[0]?.body).toEqual(answers[1]?.body);
  });
});
