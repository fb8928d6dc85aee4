import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hello, play, type Playing } from "./sandbox.ts";

let sandbox: Playing;
let clock = Date.now();

beforeAll(async () => {
  sandbox = await play({ now: () => clock });
});
beforeEach(() => sandbox.ask("POST", "/__reset"));
afterAll(() => sandbox.close());

describe("who may send", () => {
  it.each([
    [{}, 401, "missing_api_key"],
    [{ authorization: "Basic abc" }, 401, "missing_api_key"],
    [{ authorization: "Bearer bad_key" }, 403, "invalid_api_key"],
    [{ authorization: "Bearer restricted_key" }, 401, "restricted_api_key"],
  ])("%j is answered %i %s", async (headers, status, name) => {
    const answer = await sandbox.ask("POST", "/mail/emails", hello, headers);
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ statusCode: status, name });
    expect(await sandbox.mails()).toEqual([]);
  });
});

describe("what is refused", () => {
  it.each([
    ["no sender", { ...hello, from: undefined }, 422, "missing_required_field"],
    ["no recipient", { ...hello, to: [] }, 422, "missing_required_field"],
    ["no subject", { ...hello, subject: undefined }, 422, "missing_required_field"],
    ["no content", { ...hello, html: undefined }, 422, "missing_required_field"],
    ["a sender that is none", { ...hello, from: "Shop" }, 422, "invalid_from_address"],
    ["a domain that is not verified", { ...hello, from: "a@unverified.example" }, 403, "validation_error"],
    ["a recipient that is none", { ...hello, to: ["ann@example.com", "bob"] }, 422, "validation_error"],
    ["a recipient with a line break", { ...hello, to: "ann@example.com\r\nBcc: x@example.com" }, 422, "validation_error"],
    ["51 recipients", { ...hello, to: Array.from({ length: 51 }, (_, at) => `u${at}@example.com`) }, 422, "validation_error"],
    ["a subject that is no text", { ...hello, subject: { a: 1 } }, 422, "validation_error"],
    ["headers that are no text", { ...hello, headers: { a: 1 } }, 422, "validation_error"],
    ["an empty attachment", { ...hello, attachments: [{ filename: "a.txt" }] }, 422, "invalid_attachment"],
    ["an array", [hello], 422, "validation_error"],
    ["null", null, 422, "validation_error"],
    ["half a JSON", '{"from": "a', 400, "validation_error"],
  ])("%s", async (_what, mail, status, name) => {
    const answer = await sandbox.send(mail);
    expect(answer.json()).toMatchObject({ statusCode: status, name, message: expect.any(String) });
    expect(answer.status).toBe(status);
    expect((await sandbox.effects()).total).toBe(0);
  });

  it("other methods and addresses", async () => {
    const headers = { authorization: "Bearer re_test" };
    expect((await sandbox.ask("PUT", "/mail/emails", hello, headers)).status).toBe(405);
    expect((await sandbox.ask("POST", "/mail/letters", hello, headers)).json()).toMatchObject({ name: "not_found" });
    expect((await sandbox.ask("GET", "/mail/emails/unknown", undefined, headers)).status).toBe(404);
  });
});

describe("idempotency", () => {
  it("sends once for the same key and body, also when asked at once", async () => {
    const first = await sandbox.send(hello, { "idempotency-key": "k1" });
    const second = await sandbox.send(hello, { "idempotency-key": "k1" });
    expect(second.json()).toEqual(first.json());
    expect(await sandbox.mails()).toHaveLength(1);
    expect(await sandbox.effects()).toMatchObject({ total: 1, keys: { k1: 1 }, repeated: {} });
  });

  it("refuses the same key with another body, and with the same body at another address", async () => {
    await sandbox.send(hello, { "idempotency-key": "k1" });
    const other = await sandbox.send({ ...hello, subject: "Other" }, { "idempotency-key": "k1" });
    expect(other.json()).toMatchObject({ statusCode: 409, name: "invalid_idempotent_request" });
    const elsewhere = await sandbox.ask("POST", "/mail/emails/batch", hello, { authorization: "Bearer re_test", "idempotency-key": "k1" });
    expect(elsewhere.status).toBe(409);
    expect(await sandbox.mails()).toHaveLength(1);
  });

  it("refuses a key whose first request is still running", async () => {
    const busy = await play();
    await busy.fault({ delayMs: 60_000, times: 1 });
    const first = busy.send(hello, { "idempotency-key": "k1" }).catch(() => "cut off");
    await expect.poll(() => busy.calls()).toHaveLength(1);
    const second = await busy.send(hello, { "idempotency-key": "k1" });
    expect(second.json()).toMatchObject({ statusCode: 409, name: "concurrent_idempotent_requests" });
    expect(await busy.mails()).toEqual([]);
    await busy.close();
    expect(await first).toBe("cut off");
  });

  it("lets a refused request be corrected under its key", async () => {
    expect((await sandbox.send({ ...hello, from: "nobody" }, { "idempotency-key": "k1" })).status).toBe(422);
    expect((await sandbox.send(hello, { "idempotency-key": "k1" })).status).toBe(200);
  });

  it("takes keys of 256 characters and no longer ones", async () => {
    expect((await sandbox.send(hello, { "idempotency-key": "k".repeat(256) })).status).toBe(200);
    expect((await sandbox.send(hello, { "idempotency-key": "k".repeat(257) })).json()).toMatchObject({ statusCode: 400, name: "invalid_idempotency_key" });
  });

  it("forgets a key after 24 hours", async () => {
    await sandbox.send(hello, { "idempotency-key": "k1" });
    clock += 24 * 3600 * 1000 - 1;
    await sandbox.send(hello, { "idempotency-key": "k1" });
    expect(await sandbox.mails()).toHaveLength(1);
    clock += 1;
    await sandbox.send(hello, { "idempotency-key": "k1" });
    expect(await sandbox.mails()).toHaveLength(2);
    expect((await sandbox.effects()).repeated).toEqual({ k1: 2 });
  });

  it("sends again and again without a key", async () => {
    await sandbox.send(hello);
    await sandbox.send(hello);
    expect(await sandbox.effects()).toMatchObject({ total: 2, keyless: 2 });
  });
});

describe("batches", () => {
  const batch = (mails: unknown, headers = {}) => sandbox.ask("POST", "/mail/emails/batch", mails, { authorization: "Bearer re_test", ...headers });

  it("sends all as one effect", async () => {
    const answer = await batch([hello, { ...hello, to: "bob@example.com" }], { "idempotency-key": "b1" });
    expect(answer.json()["data"]).toHaveLength(2);
    expect(await sandbox.mails()).toHaveLength(2);
    expect((await sandbox.effects()).keys).toEqual({ b1: 1 });
  });

  it("sends none when one is wrong, unless it is permissive", async () => {
    const mixed = [hello, { ...hello, from: "nobody" }];
    expect((await batch(mixed)).status).toBe(422);
    expect(await sandbox.mails()).toHaveLength(0);
    const answer = await batch(mixed, { "x-batch-validation": "permissive" });
    expect(answer.json()).toMatchObject({ data: [{ id: expect.any(String) }], errors: [{ index: 1, message: expect.any(String) }] });
    expect(await sandbox.mails()).toHaveLength(1);
  });

  it.each([
    ["nothing", []],
    ["no array", hello],
    ["101 mails", Array.from({ length: 101 }, () => hello)],
    ["attachments", [{ ...hello, attachments: [{ content: "YQ==" }] }]],
  ])("refuses %s", async (_what, mails) => {
    expect((await batch(mails)).status).toBe(422);
  });
});

describe("the mailbox", () => {
  it("finds by recipient and time, newest last, and keeps what a mail is made of", async () => {
    await sandbox.send({ ...hello, reply_to: "care@demo.example", headers: { "List-Unsubscribe": "<https://demo.example/u>" } }, { "idempotency-key": "k1" });
    clock += 1000;
    await sandbox.send({ ...hello, to: ["Bob <bob@example.com>"], text: "Hello Bob" });
    const [first, second] = await sandbox.mails();
    expect(first).toMatchObject({
      to: ["ann@example.com"],
      replyTo: ["care@demo.example"],
      headers: { "List-Unsubscribe": "<https://demo.example/u>" },
      idempotencyKey: "k1",
    });
    expect(second).toMatchObject({ text: "Hello Bob", html: "<p>Hello</p>", idempotencyKey: null });
    expect(await sandbox.mails("?to=BOB@")).toEqual([second]);
    expect(await sandbox.mails(`?since=${clock}`)).toEqual([second]);
    expect(await sandbox.mails("?limit=1")).toEqual([second]);
    expect((await sandbox.ask("GET", "/__mailbox?limit=none")).status).toBe(422);
    expect((await sandbox.ask("GET", "/__mailbox?since=yesterday")).status).toBe(422);
  });

  it("shows a hostile mail without running any of it", async () => {
    await sandbox.send({
      ...hello,
      subject: '<img src=x onerror="alert(1)">',
      html: '"></iframe><script>alert(1)</script>',
      text: "</pre><script>alert(2)</script>",
    });
    const [mail] = await sandbox.mails();
    const [page, list] = await Promise.all([sandbox.ask("GET", `/__mailbox/${mail?.id}`), sandbox.ask("GET", "/")]);
    for (const { text, headers } of [page, list]) {
      expect(text).not.toContain("<script");
      expect(text).not.toContain("<img");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    expect(page.text).toContain('sandbox=""');
  });

  it("gives a mail back as the API would", async () => {
    const { id } = (await sandbox.send(hello)).json();
    const answer = await sandbox.ask("GET", `/mail/emails/${String(id)}`, undefined, { authorization: "Bearer re_test" });
    expect(answer.json()).toMatchObject({ object: "email", id, to: hello.to, subject: hello.subject, last_event: "delivered" });
  });
});
