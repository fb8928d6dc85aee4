import fc from "fast-check";
import { expect, test } from "vitest";
import { finder, fold } from "../src/fold";
import { growsTooFast } from "./support/growth";

test.each([
  ["German", "ÄRGER über Größe", "ärger ÜBER grösse"],
  ["the sharp s, small and capital", "STRAẞE straße", "strasse STRASSE"],
  ["Greek, with its final sigma", "ΟΔΟΣ Οδυσσεύς", "οδος ΟΔΥΣΣΕΎΣ"],
  ["Russian", "ЁЛКА", "ёлка"],
  ["Turkish i in all four forms", "İSTANBUL ISPARTA ılık iğne", "istanbul ısparta ILIK İĞNE"],
  ["Polish", "ZAŻÓŁĆ", "zażółć"],
  ["full width", "ＯＲＤＥＲ", "order"],
  ["ligatures", "ﬁnal oﬃce", "FINAL OFFICE"],
  ["composed and decomposed", "caf\u00e9", "CAFE\u0301"],
  ["Cherokee", "Ꭰꭰ", "ꭰᎠ"],
])("%s", (_language, left, right) => {
  expect(fold(left)).toBe(fold(right));
  expect(finder(left)(`before ${right} after`)).toBe(true);
});

test("what differs stays apart", () => {
  expect(fold("ä")).not.toBe(fold("a"));
  expect(finder("grün")("gruen")).toBe(false);
  expect(finder("x")(null)).toBe(false);
});

test("folding is the same whatever case a text is in, and twice is once", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(fold(fold(text))).toBe(fold(text));
      expect(fold(text.toUpperCase())).toBe(fold(text));
      expect(fold(text.toLowerCase())).toBe(fold(text));
    }),
    { numRuns: 5000 },
  );
});

test("a heap of marks on one letter costs no more than its length says", () => {
  expect(growsTooFast((size) => void fold(`a${"\u0315\u0327".repeat(size / 2)}`), 10_000)).toBe(false);
  expect(fold(`${"x".repeat(1000)}e\u0301`)).toBe(fold(`${"x".repeat(1000)}é`));
});
