import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseKeyRing } from "../../src/tenants/keys";
import { allows, createTokens, tokenScopes } from "../../src/tenants/token";

const [one, two] = [btoa("1".repeat(32)), btoa("2".repeat(32))];
const tokens = createTokens(parseKeyRing("SIGNING_KEYS", `k1:${one}`));

describe("verify", () => {
  test.each([
    "",
    "jy_",
    "jy_k1",
    "jy_k1.acme.id.e.",
    "Bearer x",
    "jy_k1.acme.id.e." + "A".repeat(43),
    "x".repeat(100_000),
    "jy_k1.acme.id.z." + "A".repeat(43),
  ])("refuses garbage %#", async (text) => expect(await tokens.verify(text)).toBeUndefined());

  test("refuses every change of a single character", async () => {
    const token = await tokens.mint("acme", "id1", ["enqueue", "read"]);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= é";
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: token.length - 1 }), fc.constantFrom(...alphabet), async (place, char) => {
        fc.pre(token[place] !== char);
        expect(await tokens.verify(token.slice(0, place) + char + token.slice(place + 1))).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  test("refuses another spelling of the same MAC", async () => {
    const token = await tokens.mint("acme", "id1", ["read"]);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const others = [...alphabet].map((char) => token.slice(0, -1) + char).filter((other) => other !== token);
    expect((await Promise.all(others.map(tokens.verify))).every((claims) => claims === undefined)).toBe(true);
  });

  test("refuses a token cut, prolonged or put together from two", async () => {
    const token = await tokens.mint("acme", "id1", ["read"]);
    const other = await tokens.mint("other", "id1", ["admin"]);
    const mixed = [...other.split(".").slice(0, 4), token.split(".")[4]].join(".");
    for (const wrong of [token.slice(0, -1), `${token}A`, ` ${token}`, `${token}\n`, token.toUpperCase(), mixed])
      expect(await tokens.verify(wrong)).toBeUndefined();
  });

  test("refuses a key that is no longer in the ring, and takes one that still is", async () => {
    const token = await tokens.mint("acme", "id1", ["read"]);
    const rotated = createTokens(parseKeyRing("SIGNING_KEYS", `k2:${two},k1:${one}`));
    expect(await rotated.verify(token)).toEqual({ tenant: "acme", id: "id1", scopes: ["read"], keyId: "k1" });
    expect(await createTokens(parseKeyRing("SIGNING_KEYS", `k2:${two}`)).verify(token)).toBeUndefined();
    expect(await createTokens(parseKeyRing("SIGNING_KEYS", `k1:${two}`)).verify(token)).toBeUndefined();
  });
});

test("what was minted comes back", async () => {
  const name = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
  const id = fc.stringMatching(/^[a-z0-9]{1,24}$/);
  await fc.assert(
    fc.asyncProperty(name, id, fc.subarray([...tokenScopes], { minLength: 1 }), async (tenant, token, granted) => {
      const minted = await tokens.mint(tenant, token, granted.toReversed());
      expect(minted).toMatch(/^jy_[A-Za-z0-9._-]+$/);
      expect(await tokens.verify(minted)).toEqual({ tenant, id: token, scopes: granted, keyId: "k1" });
    }),
  );
});

test("a token without scopes, or for a name that is none, is not minted", async () => {
  await expect(tokens.mint("acme", "id1", [])).rejects.toThrow();
  await expect(tokens.mint("ac.me", "id1", ["read"])).rejects.toThrow();
});

test("admin includes the other scopes, no other does", () => {
  for (const scope of tokenScopes) expect(allows(["admin"], scope)).toBe(true);
  expect(allows(["enqueue", "read", "leads", "operate"], "admin")).toBe(false);
  expect(allows(["enqueue"], "read")).toBe(false);
});
