import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base32Digits, equalSecrets, equalTexts, secretCheck, sha256Base32, sha256Hex, toBase32, toHex } from "../src/crypto";

describe("digests", () => {
  test("in hexadecimal are those of FIPS 180-4, whole or their beginning", async () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(await sha256Hex("abc")).toBe(abc);
    expect(await sha256Hex(new TextEncoder().encode("abc"))).toBe(abc);
    expect(await sha256Hex("abc", 32)).toBe(abc.slice(0, 32));
  });

  test("in base32 have 51 digits of the alphabet and hold the same bits", async () => {
    const text = await sha256Base32("abc");
    expect(text).toMatch(new RegExp(`^[${base32Digits}]{51}$`));
    const bits = [...text].map((digit) => base32Digits.indexOf(digit).toString(2).padStart(5, "0")).join("");
    const bytes = Array.from({ length: 31 }, (_, index) => Number.parseInt(bits.slice(index * 8, index * 8 + 8), 2));
    expect(toHex(new Uint8Array(bytes))).toBe((await sha256Hex("abc")).slice(0, 62));
  });

  test("base32 of fewer bytes ends with them", () => expect(toBase32(new Uint8Array([255]), 26)).toBe("z"));
});

describe("comparison", () => {
  test("an unset or empty secret equals nothing, another text no secret", async () => {
    expect(await equalSecrets("", undefined)).toBe(false);
    expect(await equalSecrets("", "")).toBe(false);
    expect(await equalSecrets("root", "root-token")).toBe(false);
    expect(await equalSecrets("root-token", "root-token")).toBe(true);
  });

  test("with one secret agrees with ===, up to its last byte and beyond the longest", () => {
    const secret = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !text.includes("\0"));
    fc.assert(fc.property(secret, secret, (one, other) => secretCheck(one)(other) === (one === other) && secretCheck(one)(one)));
    const longest = "s".repeat(512);
    const lengths = [0, 511, 512, 513, 4096];
    expect(lengths.filter((length) => secretCheck(longest)("s".repeat(length)))).toEqual([512]);
  });

  test("of texts agrees with ===, whatever their lengths", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (left, right) => equalTexts(left, right) === (left === right) && equalTexts(left, left)));
  });
});
