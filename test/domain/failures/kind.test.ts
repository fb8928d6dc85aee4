import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256Base32 } from "../../../src/crypto";
import { failureKind, titleOf } from "../../../src/ledger/failure-kind";

test("a title keeps the words and drops numbers, ids and names in quotes", () => {
  expect(titleOf(`The Shop "My shop" refused order 4711 (deadbeef01): 'x'`)).toBe(`The Shop "…" refused order # (#): '…'`);
});

test.each([
  ["mail: 422 validation_error", "mail: 422 validation_error"],
  ["Postmark: answered 200 without a message id", "Postmark: answered 200 without a message id"],
  ["answered 503", "answered 503"],
  ["It answered 503.", "It answered 503."],
  ["the shop refused the request for /api with 401", "the shop refused the request for /api with 401"],
  ["the shop's server failed (500)", "the shop's server failed (500)"],
  ["550 5.1.1 no such user", "550 #.#.# no such user"],
  ["Postmark: 422 error 406", "Postmark: 422 error #"],
  ["Request failed with status code 401", "Request failed with status code 401"],
  ["HTTP 503: Service Unavailable", "HTTP 503: Service Unavailable"],
  ["the worker's call ended with status=429", "the worker's call ended with status=429"],
  ["the process ended with exit code 137", "the process ended with exit code #"],
  ["order 404 of 500 took 200 ms", "order # of # took # ms"],
  ["it took: 500.25 s, then 4711", "it took: #.# s, then #"],
])("a title keeps the status code of %s", (reason, title) => {
  expect(titleOf(reason)).toBe(title);
});

const statuses = [
  (status: number) => `mail: ${status} application_error`,
  (status: number) => `webhook: answered ${status}`,
  (status: number) => `the shop refused the request for "orders" with ${status}`,
  (status: number) => `the shop's server failed (${status})`,
  (status: number) => `Request failed with status code ${status}`,
  (status: number) => `SMTP: ${status} 5.1.1 to the recipient`,
];
const code = fc.integer({ min: 400, max: 599 });

test("failures with the same words and different status codes are different groups", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...statuses), code, code, async (reason, one, other) => {
      expect((await failureKind("email", reason(one))) === (await failureKind("email", reason(other)))).toBe(one === other);
      expect(titleOf(reason(one))).toContain(String(one));
    }),
  );
});

const numbered = [
  (number: number) => `mail: 503 application_error for order ${number}`,
  (number: number) => `it took ${number} s: order ${number} of ${number}.${number}`,
  (number: number) => `it took: ${number} ms, then (${number} of 500)`,
  (number: number) => `the answer has ${number} bytes, at most 200 are read`,
  (number: number) => `no template "order: ${number}" or '(${number})'`,
  (number: number) => `order ${number}: ${number} rows are missing`,
];

test("numbers that are no status code separate no groups, and are in no title", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...numbered), fc.nat({ max: 9999 }), fc.nat({ max: 9999 }), async (reason, one, other) => {
      expect(await failureKind("email", reason(one))).toBe(await failureKind("email", reason(other)));
      expect(titleOf(reason(one))).toBe(titleOf(reason(other)));
    }),
  );
});

test("a reason without a status code keeps the group that it had before codes belonged to it", async () => {
  expect(await failureKind("email", 'The Shop "My shop" refused order 4711 (deadbeef01)')).toBe(
    (await sha256Base32("email\nthe shop … refused order # (#)")).slice(0, 16),
  );
});
