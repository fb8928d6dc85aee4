import * as fc from "fast-check";
import { expect, test } from "vitest";
import { quoted, maskProviderText } from "../../src/masking/provider-text";

test.each([
  ["Invalid `to` field: ada@example.com is no address", "ada@"],
  ["Invalid 'To' address: 'Ada Lovelace <ada.l@mail.example.co.uk>'.", "ada.l"],
  ["see https://user:pass@api.example.com/hooks/T0/B1/secret?ws_key=abc for more", "secret"],
  ["see https://user:pass@api.example.com/hooks/T0/B1/secret?ws_key=abc for more", "ws_key"],
  ["see https://user:pass@api.example.com/ for more", "pass"],
  ["Authorization: Bearer re_abcdef12 refused", "re_abcdef12"],
  ["api_key=abcdef refused", "abcdef"],
  ["token re_AbCdEf123456_GhIjKl7890 is unknown", "AbCdEf"],
  ["call +49 (170) 123-4567 now", "123-4567"],
])("masks what is secret or personal: %s", (text, secret) => {
  expect(maskProviderText(text)).not.toContain(secret);
  expect(maskProviderText(text)).toContain("•••");
});

test("keeps what an operator needs", () => {
  const message = "The gmail.com domain is not verified. Please, add and verify your domain on https://resend.com";
  expect(maskProviderText(message)).toContain("The gmail.com domain is not verified. Please, add and verify your domain on https://resend.com");
  expect(maskProviderText("This idempotency key was already used with another payload")).toBe("This idempotency key was already used with another payload");
});

test.each(["Incorrect API key provided: sk-proj-AbCdEfGh", "sent with whsec_AbCdEfGhIjKl", "see /hooks?a=1&ws_key=AbCdEfGh"])(
  "a sentence that is quoted whole for an admin shows no credential: %s",
  (text) => {
    const { providerMessage = "" } = quoted(text);
    expect(providerMessage).toContain("•••");
    expect(providerMessage).not.toContain("CdEfGh");
  },
);

test("is one short line", () => {
  expect(maskProviderText("a\r\nb\u2028c\u0000d")).toBe("a b c d");
  expect(maskProviderText("word ".repeat(10_000)).length).toBeLessThanOrEqual(240);
  expect(maskProviderText(`${"x".repeat(1995)} ada@example.com`)).not.toContain("ada");
});

test("no known text survives, in any case", () => {
  const known = fc.string({ unit: fc.constantFrom(..."abcdefghijklm.*+?[](){}$^|\\"), minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(known, fc.string(), fc.string(), (secret, before, after) => {
      const shown = maskProviderText(`${before} ${secret.toUpperCase()} ${after}`, [secret]);
      expect(shown.toLowerCase().includes(secret) && !`${before} • ${after}`.toLowerCase().includes(secret)).toBe(false);
    }),
  );
});

test("no address survives", () => {
  fc.assert(
    fc.property(fc.emailAddress(), fc.lorem(), (address, words) => {
      expect(maskProviderText(`${words} ${address} ${words}`)).not.toContain(address);
    }),
  );
});
