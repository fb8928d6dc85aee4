import fc from "fast-check";
import { expect, test } from "vitest";
import { parseKeyRing } from "../../src/tenants/keys";
import { createVault } from "../../src/tenants/vault";

const [one, two] = [btoa("1".repeat(32)), btoa("2".repeat(32))];
const old = createVault(parseKeyRing("ENCRYPTION_KEYS", `e1:${one}`));
const rotated = createVault(parseKeyRing("ENCRYPTION_KEYS", `e2:${two},e1:${one}`));

test("does not open for another tenant, another name, or another key of the same id", async () => {
  const sealed = await old.seal("acme", "connection/mail", "secret");
  const others = createVault(parseKeyRing("ENCRYPTION_KEYS", `e1:${two}`));
  expect(await old.open("other", "connection/mail", sealed)).toMatchObject({ ok: false });
  expect(await old.open("acme", "connection/crm", sealed)).toMatchObject({ ok: false });
  expect(await others.open("acme", "connection/mail", sealed)).toMatchObject({ ok: false });
});

test("tenant and name cannot be shifted into each other", async () => {
  const sealed = await old.seal("a", 'b","c', "secret");
  expect(await old.open('a","b', "c", sealed)).toMatchObject({ ok: false });
});

test("says which key is missing when it was taken out", async () => {
  const sealed = await old.seal("acme", "x", "secret");
  const without = createVault(parseKeyRing("ENCRYPTION_KEYS", `e2:${two}`));
  expect(await without.open("acme", "x", sealed)).toEqual({ ok: false, reason: expect.stringContaining('"e1", which ENCRYPTION_KEYS no longer holds') });
  expect(await without.reseal("acme", "x", sealed)).toBeUndefined();
});

test("a damaged text is a value, not a throw", async () => {
  const sealed = await old.seal("acme", "x", "secret");
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: sealed.length - 2 }), fc.constantFrom(..."AZaz09-_. é"), async (place, char) => {
      fc.pre(sealed[place] !== char);
      expect(await old.open("acme", "x", sealed.slice(0, place) + char + sealed.slice(place + 1))).toMatchObject({ ok: false });
    }),
  );
  for (const wrong of ["", "v1", "v1.e1..", "plain text"]) expect(await old.open("acme", "x", wrong)).toMatchObject({ ok: false });
});

test("what was sealed opens, and no two sealings are alike", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
      const [first, second] = [await old.seal("acme", "x", text), await old.seal("acme", "x", text)];
      expect(first).not.toBe(second);
      expect(await old.open("acme", "x", first)).toEqual({ ok: true, text, keyId: "e1", current: true });
    }),
  );
  expect(await old.open("acme", "x", await old.seal("acme", "x", "\uFEFFmark"))).toMatchObject({ text: "\uFEFFmark" });
});

test("a rotation seals anew what an older key sealed, and nothing else", async () => {
  const sealed = await old.seal("acme", "x", "secret");
  expect(await rotated.open("acme", "x", sealed)).toMatchObject({ ok: true, keyId: "e1", current: false });
  const anew = await rotated.reseal("acme", "x", sealed);
  expect(anew?.startsWith(rotated.prefix)).toBe(true);
  expect(await rotated.open("acme", "x", anew!)).toEqual({ ok: true, text: "secret", keyId: "e2", current: true });
  expect(await rotated.reseal("acme", "x", anew!)).toBeUndefined();
});
