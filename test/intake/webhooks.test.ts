import { beforeAll, describe, expect, test } from "vitest";
import { parseNotification } from "../../src/intake/webhooks/notification";
import { isGenuine } from "../../src/intake/webhooks/signature";
import { requestOf, answered } from "./calls";
import { createIntakeBench } from "./bench";
import { now } from "./given";
import { createIntake } from "../../src/intake/router";

const bench = createIntakeBench();
const shop = { platform: "prestashop", url: "https://shop.example.com", key: "A".repeat(32) };
const secret = "hush-hush-hush-16";
const body = JSON.stringify({ event: "order.created", id_order: "12" });
const bytes = (text: string) => new TextEncoder().encode(text);

async function hmac(key: string | Uint8Array, content: string): Promise<Uint8Array> {
  const raw = typeof key === "string" ? bytes(key) : key;
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, bytes(content)));
}
const hex = (data: Uint8Array) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (data: Uint8Array) => btoa(String.fromCharCode(...data));

describe("a signature", () => {
  const check = (settings: object, headers: Record<string, string>, more: { body?: string; token?: string; key?: string; at?: number } = {}) =>
    isGenuine(
      { header: "X-Sig", format: "hex", ...settings },
      more.key ?? secret,
      { headers: new Headers(headers), body: bytes(more.body ?? body), token: more.token ?? null },
      more.at ?? now,
    );

  test("as hex or base64, bare or behind its prefix, of the very bytes that came", async () => {
    const signed = await hmac(secret, body);
    for (const text of [hex(signed), hex(signed).toUpperCase(), `sha256=${hex(signed)}`, `sha256= ${hex(signed)}`])
      expect(await check({}, { "x-sig": text })).toBe(true);
    for (const text of [base64(signed), `sha256=${base64(signed)}`]) expect(await check({ format: "base64" }, { "x-sig": text })).toBe(true);
    expect(await check({ prefix: "v0=" }, { "x-sig": `v0=${hex(signed)}` })).toBe(true);
    expect(await check({ prefix: "v0=" }, { "x-sig": hex(signed) })).toBe(false);
    for (const text of [`sha256= ${hex(signed)}`, `sha256=${hex(signed)}`]) expect(await check({ prefix: "sha256= " }, { "x-sig": text })).toBe(true);
    expect(await check({}, { "x-sig": hex(signed) }, { body: `${body} ` })).toBe(false);
  });

  test("that is missing, garbled, too short or of another secret is refused", async () => {
    const signed = hex(await hmac(secret, body));
    for (const text of ["", "zz", signed.slice(2), `${signed}00`, hex(await hmac("other", body)), `${signed}x`])
      expect(await check({}, { "x-sig": text })).toBe(false);
    expect(await check({}, {})).toBe(false);
    expect(await check({ format: "base64" }, { "x-sig": "***" })).toBe(false);
    expect(await check({}, { "x-sig": hex(new Uint8Array(32)) }, { key: "" })).toBe(false);
  });

  test("with a time counts only near that time", async () => {
    const settings = { timestampHeader: "X-Time", toleranceSeconds: 60 };
    const headers = async (at: number) => ({ "x-time": String(at), "x-sig": hex(await hmac(secret, `${at}.${body}`)) });
    expect(await check(settings, await headers(now / 1000 - 60))).toBe(true);
    expect(await check(settings, await headers(now / 1000 + 60))).toBe(true);
    expect(await check(settings, await headers(now / 1000 - 61))).toBe(false);
    expect(await check(settings, { ...(await headers(now / 1000 - 600)), "x-time": String(now / 1000) })).toBe(false);
    expect(await check(settings, { "x-sig": hex(await hmac(secret, body)) })).toBe(false);
  });

  test("by Standard Webhooks: the specification's own example, any of several, within five minutes", async () => {
    const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const sent = 1614265330;
    const good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const headers = (signature: string, prefix = "webhook") => ({
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(sent),
      [`${prefix}-signature`]: signature,
    });
    const more = { key, body: '{"test": 2432232314}', at: sent * 1000 };
    expect(await check({ format: "standard" }, headers(good), more)).toBe(true);
    expect(await check({ format: "standard" }, headers(good, "svix"), more)).toBe(true);
    expect(await check({ format: "standard" }, headers(`v1a,xxxx v1,AAAA ${good}`), more)).toBe(true);
    for (const shown of [key.replace("whsec_", ""), `v1,${key}`])
      expect(await check({ format: "standard" }, headers(good), { ...more, key: shown })).toBe(true);
    expect(await check({ format: "standard" }, headers(good), { ...more, at: (sent + 301) * 1000 })).toBe(false);
    expect(await check({ format: "standard" }, headers(good.replace("g0hM", "AAAA")), more)).toBe(false);
    expect(await check({ format: "standard" }, {}, more)).toBe(false);
    expect(await check({ format: "standard" }, headers(good), { ...more, key: "whsec_***" })).toBe(false);
  });

  test("by token: in the header or in the address, whole", async () => {
    expect(await check({ format: "token" }, { "x-sig": secret })).toBe(true);
    expect(await check({ format: "token" }, {}, { token: secret })).toBe(true);
    expect(await check({ format: "token" }, { "x-sig": "wrong" }, { token: secret })).toBe(false);
    expect(await check({ format: "token" }, {}, { token: secret.slice(1) })).toBe(false);
    expect(await check({ format: "token" }, {})).toBe(false);
  });
});

describe("a hint", () => {
  const hint = (content: unknown, headers: Record<string, string> = {}) =>
    parseNotification(new Headers({ "content-type": "application/json", ...headers }), typeof content === "string" ? content : JSON.stringify(content)).hint;

  test.each([
    [{ event: "order.created", id_order: "12" }],
    [{ type: "order.updated", data: { id: 12 } }],
    [{ event: "actionOrderStatusPostUpdate", params: { orderId: 12 } }],
    [{ order: { id: 12, reference: "X" } }],
    [{ event: "order.updated", order: { id: "12" } }],
    [{ id: "12", reference: "XKBKNABJK", id_customer: "4", current_state: "2", total_paid: "59.800000" }],
    [{ id: 12, reference: "XKBKNABJK", id_customer: 4, current_state: 2 }],
    [{ data: { id: 12, current_state: "2" } }],
    [{ event: "order.updated", data: { object: { id: 12 } } }],
    [{ id: 900, type: "order.updated", data: { object: { id: "12" } } }],
    [{ event: "order.updated", order: 12 }],
    [{ action: "actionValidateOrder", id: 12 }],
    [{ id_order: 12 }],
  ])("of an order: %o", (content) => expect(hint(content)).toEqual({ about: "order", orderId: 12 }));

  test("from the headers, or from a form", () => {
    expect(hint({ id: 12 }, { "x-prestashop-event": "order.updated" })).toEqual({ about: "order", orderId: 12 });
    expect(hint("event=order.created&id_order=12", { "content-type": "application/x-www-form-urlencoded" })).toEqual({ about: "order", orderId: 12 });
  });

  test.each([
    [{ event: "order.created" }, "orders"],
    [{ event: "product.updated", id_product: 3 }, "products"],
    [{ event: "stock.updated", data: { id: 3 } }, "products"],
    [{ id: 3, id_manufacturer: "1", price: "9.000000" }, "products"],
    [{ id: 3, reference: "A" }, "nothing"],
    [{ event: "customer.created", id: 3 }, "nothing"],
    [{ event: "order.created", id_order: "12; DROP TABLE" }, "orders"],
    [{ event: "order.created", id_order: -1 }, "orders"],
    ["not json", "nothing"],
    ["[1]", "nothing"],
    ["null", "nothing"],
    ["", "nothing"],
  ])("of what can only be guessed: %o → %s", (content, about) => expect(hint(content)).toEqual({ about }));
});

describe("POST /v1/webhooks/{tenant}/{site}", () => {
  beforeAll(async () => {
    const tokens = await bench.tenant("hooked");
    await bench.call("PUT", "/v1/sites/main", { token: tokens.admin, body: { ...shop, webhook: { secret } } });
    await bench.call("PUT", "/v1/sites/quiet", { token: tokens.admin, body: shop });
    await bench.call("PUT", "/v1/sites/standard", { token: tokens.admin, body: { ...shop, webhook: { secret, format: "standard" } } });
    await bench.call("PUT", "/v1/sites/timed", { token: tokens.admin, body: { ...shop, webhook: { secret, timestampHeader: "X-Time" } } });
    await bench.call("PUT", "/v1/sites/tokened", { token: tokens.admin, body: { ...shop, webhook: { secret, format: "token" } } });
  });

  const post = async (path: string, content = body, headers: Record<string, string> = {}) =>
    bench.call("POST", `/v1/webhooks/${path}`, { body: content, headers: { "x-prestashop-signature": hex(await hmac(secret, content)), ...headers } });

  test("enqueues a look at the order and answers 202", async () => {
    bench.seen.requests.length = 0;
    const answer = await post("hooked/main");
    expect(answer).toMatchObject({ status: 202, body: { id: expect.any(String) } });
    expect(bench.seen.requests).toMatchObject([{ tenant: "hooked", type: "sync-single-order", payload: { siteId: "main", orderId: 12 } }]);
    const burst = await post("hooked/main", JSON.stringify({ event: "order.updated", order: { id: 12 } }));
    expect(burst.body.id).toBe(answer.body.id);
    expect(bench.seen.requests[0]?.runAt).toBeGreaterThan(now);
  });

  test("sent again with the id that its body holds it is the same job, at once; another one is another", async () => {
    const withId = (id: string) => post("hooked/main", JSON.stringify({ event: "order.updated", event_id: id, id_order: 12 }));
    const first = await withId("evt-1");
    expect(await withId("evt-1")).toMatchObject({ body: { id: first.body.id } });
    expect((await withId("evt-2")).body.id).not.toBe(first.body.id);
    expect(bench.seen.requests.at(-1)?.runAt).toBeUndefined();
  });

  test("sent again under made-up ids in unsigned headers it is the same job", async () => {
    const captured = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post("hooked/main", body, { "x-webhook-id": `made-up-${index}`, "webhook-id": `made-up-${index}` })),
    );
    expect(new Set(captured.map((answer) => answer.body.id)).size).toBe(1);
  });

  test("the id of the header counts where it is signed, and a signed time and body tell a delivery that has none", async () => {
    const seconds = String(now / 1000);
    const standard = async (id: string) => {
      const signature = base64(await hmac(bytes(secret), `${id}.${seconds}.${body}`));
      const headers = { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": `v1,${signature}` };
      return (await bench.call("POST", "/v1/webhooks/hooked/standard", { body, headers })).body.id as string;
    };
    expect(await standard("msg-1")).toBe(await standard("msg-1"));
    expect(await standard("msg-1")).not.toBe(await standard("msg-2"));
    const timed = async (time: string, id: string) => {
      const headers = { "x-prestashop-signature": hex(await hmac(secret, `${time}.${body}`)), "x-time": time, "x-webhook-id": id };
      return (await bench.call("POST", "/v1/webhooks/hooked/timed", { body, headers })).body.id as string;
    };
    expect(await timed(seconds, "a")).toBe(await timed(seconds, "b"));
    expect(bench.seen.requests.at(-1)?.runAt).toBeUndefined();
    expect(await timed(seconds, "a")).not.toBe(await timed(String(now / 1000 - 1), "a"));
  });

  test("takes a token in the address beside whatever else stands there", async () => {
    const answer = await bench.call("POST", `/v1/webhooks/hooked/tokened?token=${secret}&utm=x`, { body: JSON.stringify({ event: "product.updated" }) });
    expect(answer.status).toBe(202);
    expect(bench.seen.requests.at(-1)).toMatchObject({ type: "sync-products", payload: { siteId: "tokened", incremental: true, linkVendors: true } });
  });

  test("takes a body of nearly a megabyte", async () => {
    const large = JSON.stringify({ event: "order.updated", order: { id: 77, note: "x".repeat(1_000_000) } });
    expect(await post("hooked/main", large)).toMatchObject({ status: 202 });
    expect(bench.seen.requests.at(-1)).toMatchObject({ payload: { orderId: 77 } });
  });

  test("what is about nothing we read is taken and forgotten", async () => {
    expect(await post("hooked/main", JSON.stringify({ event: "customer.created", id: 1 }))).toMatchObject({ status: 202, body: { id: null } });
  });

  test("unknown tenant, unknown site, a site without webhook, a wrong signature: one and the same 401", async () => {
    const pending = [
      post("nobody/main"),
      post("hooked/nowhere"),
      post("hooked/quiet"),
      post("Not-A-Name/main"),
      post("hooked/main", body, { "x-prestashop-signature": "00" }),
    ];
    const answers = await Promise.all(pending);
    for (const answer of answers) {
      const { instance: _, requestId: __, ...shown } = answer.body;
      expect(shown).toEqual({
        type: "urn:jobyard:problem:unauthorized",
        title: expect.any(String),
        status: 401,
        detail: expect.any(String),
        code: "unauthorized",
        errors: [],
      });
      expect(answer.body.detail).toBe(answers[0]?.body.detail);
    }
  });

  test("a body that is too large is refused before it is read to its end", async () => {
    expect((await post("hooked/main", "x".repeat(1024 * 1024 + 1))).status).toBe(413);
  });

  test("is accepted while D1 is down, and answers 503 when the tenant cannot be looked up", async () => {
    const snapshots = bench.deps.snapshots;
    const known = await snapshots.read("hooked", now);
    const headers = { "x-prestashop-signature": hex(await hmac(secret, body)) };
    const ask = async (state: unknown) => {
      const intake = createIntake({ ...bench.deps, snapshots: { read: async () => state as never } });
      return answered(await intake(requestOf("POST", "/v1/webhooks/hooked/main", { body, headers })));
    };
    expect((await ask(known)).status).toBe(202);
    expect((await ask({ state: "unknown" })).status).toBe(503);
  });
});
