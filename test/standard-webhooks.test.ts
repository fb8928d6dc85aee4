import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sign, toleranceSeconds, verify } from "../src/standard-webhooks";

// The vector of the specification's own tests.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const now = 1_614_265_330_000;
const body = '{"test": 2432232314}';
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const bytes = (text: string) => new TextEncoder().encode(text);
const headers = (changes: Record<string, string> = {}, prefix = "webhook") =>
  new Headers(Object.entries({ id, timestamp: "1614265330", signature, ...changes }).map(([name, value]) => [`${prefix}-${name}`, value] as [string, string]));
const reasonOf = async (sent: Headers, text = body, at = now, key = secret) => {
  const verdict = await verify(key, sent, bytes(text), at);
  return verdict.ok ? "ok" : verdict.reason;
};

describe("what is not believed", () => {
  test.each<[string, Headers, string]>([
    ["no signature", new Headers({ "webhook-id": id, "webhook-timestamp": "1614265330" }), "no-headers"],
    ["no time", headers({ timestamp: "" }), "no-headers"],
    ["a time that only begins as one", headers({ timestamp: "1614265330abc" }), "no-headers"],
    ["another id", headers({ id: "msg_2" }), "signature"],
    ["another time", headers({ timestamp: "1614265331" }), "signature"],
    ["another version alone", headers({ signature: signature.replace("v1,", "v1a,") }), "signature"],
    ["a signature that is no base64", headers({ signature: "v1,%%%" }), "signature"],
    ["a shorter one", headers({ signature: "v1,g0hM" }), "signature"],
    ["nothing behind the comma", headers({ signature: "v1," }), "signature"],
  ])("%s", async (_what, sent, reason) => expect(await reasonOf(sent)).toBe(reason));

  test("another body, by a single byte", async () => expect(await reasonOf(headers(), body.replace(" ", ""))).toBe("signature"));
  test("another secret", async () => expect(await reasonOf(headers(), body, now, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")).toBe("signature"));
  test("anything while there is no secret", async () => {
    expect(await reasonOf(headers(), body, now, "")).toBe("secret");
    expect(await sign("", id, body, now)).toBeNull();
  });

  test("what is older or newer than five minutes", async () => {
    const ms = toleranceSeconds * 1000;
    expect(await Promise.all([-ms - 1000, -ms, ms, ms + 1000].map((shift) => reasonOf(headers(), body, now + shift)))).toEqual(["time", "ok", "ok", "time"]);
  });
});

test("the specification's vector is signed and verified", async () => {
  expect(await sign(secret, id, body, now)).toEqual({ "webhook-id": id, "webhook-timestamp": "1614265330", "webhook-signature": signature });
  expect(await verify(secret, headers(), bytes(body), now)).toEqual({ ok: true, id });
});

test("a secret as some senders show it, with its version before it, is the same secret", async () => {
  for (const shown of [`v1,${secret}`, secret.replace("whsec_", "")]) {
    expect(await verify(shown, headers(), bytes(body), now)).toEqual({ ok: true, id });
    expect(await sign(shown, id, body, now)).toMatchObject({ "webhook-signature": signature });
  }
});

test("while a secret is changed both sign, and either is believed", async () => {
  const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const both = await sign([other, secret, ""], id, body, now);
  expect(both?.["webhook-signature"].split(" ")).toEqual([expect.stringMatching(/^v1,/), signature]);
  const sent = headers({ signature: both?.["webhook-signature"] ?? "" });
  expect([await reasonOf(sent, body, now, secret), await reasonOf(sent, body, now, other)]).toEqual(["ok", "ok"]);
  expect(await verify([other, secret], headers(), bytes(body), now)).toEqual({ ok: true, id });
  expect(await verify([], headers(), bytes(body), now)).toEqual({ ok: false, reason: "secret" });
});

test.each(["no base64!", "whsec_", "whsec_A", "hush-hush"])("of the secret %j, which is no base64, the text counts", async (text) => {
  const signed = await sign(text, id, body, now);
  const mac = createHmac("sha256", text).update(`${id}.1614265330.${body}`).digest("base64");
  expect(signed?.["webhook-signature"]).toBe(`v1,${mac}`);
  expect(await verify(text, new Headers({ ...signed }), bytes(body), now)).toEqual({ ok: true, id });
});

test("without the prefix, with other names, with others beside it", async () => {
  expect(await reasonOf(headers(), body, now, secret.slice(6))).toBe("ok");
  expect(await reasonOf(headers({}, "svix"))).toBe("ok");
  expect(await reasonOf(headers({ signature: `v1a,xyz v1,AAAA ${signature}` }))).toBe("ok");
});

test("what is signed is verified, whatever the bytes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.string({ unit: "grapheme" }), async (key, text) => {
      const mine = `whsec_${btoa(String.fromCharCode(...key))}`;
      const signed = await sign(mine, "m-1", text, now);
      const verdict = await verify(mine, new Headers({ ...signed }), bytes(text), now);
      expect(verdict.ok).toBe(true);
    }),
    { numRuns: 50 },
  );
});
