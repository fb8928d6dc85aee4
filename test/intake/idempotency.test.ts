import fc from "fast-check";
import { expect, test } from "vitest";
import { readIdempotencyKey } from "../../src/intake/idempotency";

const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 256 });
const headers = (value: string) => new Headers({ "idempotency-key": value });

test("every printable key survives its quotes", () => {
  fc.assert(
    fc.property(printable, (key) => {
      expect(readIdempotencyKey(headers(`"${key.replace(/["\\]/g, "\\$&")}"`))).toBe(key);
    }),
  );
});

test("a bare key is itself, without the spaces around that HTTP takes away", () => {
  fc.assert(
    fc.property(printable, (key) => {
      fc.pre(!key.startsWith('"') && key.trim() === key);
      expect(readIdempotencyKey(headers(key))).toBe(key);
    }),
  );
});

test("whatever the header says is a key or a 422, and no header is no key", () => {
  expect(readIdempotencyKey(new Headers())).toBeUndefined();
  fc.assert(
    fc.property(fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 }), (text) => {
      const plain = { get: () => text } as unknown as Headers;
      const read = attempt(() => readIdempotencyKey(plain));
      expect(typeof read === "string" ? /^[\x20-\x7e]{1,256}$/.test(read) : (read as { code?: string }).code === "invalid").toBe(true);
    }),
  );
});

function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (thrown) {
    return thrown;
  }
}
