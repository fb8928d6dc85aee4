import { expect, test } from "vitest";
import { parseKeyRing } from "../../src/tenants/keys";

const one = btoa("1".repeat(32));
const two = btoa("2".repeat(32));

test.each([
  ["nothing", undefined],
  ["an empty text", " , "],
  ["no id", `:${one}`],
  ["no colon", one],
  ["an id with a dot", `a.b:${one}`],
  ["no base64", "a:***not-base64***"],
  ["too short a key", `a:${btoa("short")}`],
  ["an id twice", `a:${one},a:${two}`],
])("refuses %s, naming the variable and not the key", (_, text) => {
  const parse = () => parseKeyRing("SIGNING_KEYS", text);
  expect(parse).toThrow(/^SIGNING_KEYS .*must read "id:base64/);
  expect(parse).not.toThrow(new RegExp(one.slice(0, 12)));
});

test("the first key is active, the others are known, and no other is", async () => {
  const ring = parseKeyRing("ENCRYPTION_KEYS", `b:${two}, a:${one}`);
  expect(ring.active).toBe("b");
  expect(ring.ids).toEqual(["b", "a"]);
  expect(ring.signing("token", "c")).toBeUndefined();
  expect(ring.encryption("vault", "")).toBeUndefined();
  expect(ring.signing("token")).toBe(ring.signing("token", "b"));
});

test("one secret gives unrelated keys to two purposes, and no key leaves the runtime", async () => {
  const ring = parseKeyRing("SIGNING_KEYS", `a:${one}`);
  const data = new TextEncoder().encode("same");
  const macs = await Promise.all(["token", "lead"].map(async (purpose) => crypto.subtle.sign("HMAC", await ring.signing(purpose)!, data)));
  expect(new Uint8Array(macs[0]!)).not.toEqual(new Uint8Array(macs[1]!));
  await expect(crypto.subtle.exportKey("raw", await ring.encryption("vault")!)).rejects.toThrow();
});
