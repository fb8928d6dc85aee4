import { expect, test } from "vitest";
import { statusFailure } from "../../src/providers/status";

const table: [status: number, after: string | undefined, repeatable: boolean, expected: string, seconds?: number][] = [
  [304, undefined, true, "permanent"],
  [400, undefined, true, "permanent"],
  [400, "60", false, "permanent"],
  [401, undefined, true, "config"],
  [403, "60", true, "config"],
  [404, undefined, true, "permanent"],
  [408, undefined, false, "transient"],
  [409, undefined, false, "permanent"],
  [422, undefined, false, "permanent"],
  [425, "3", false, "transient", 3],
  [429, undefined, false, "limited"],
  [429, "7", false, "limited", 7],
  [429, "0", false, "limited", 1],
  [500, undefined, true, "transient"],
  [500, undefined, false, "uncertain"],
  [502, "9", false, "uncertain", 9],
  [503, undefined, false, "uncertain"],
  [503, undefined, true, "transient"],
  [503, "30", false, "limited", 30],
  [504, undefined, false, "uncertain"],
  [521, undefined, false, "transient"],
  [522, undefined, false, "uncertain"],
  [530, undefined, false, "transient"],
];

test.each(table)("%d, Retry-After %s, repeatable %s is %s", (status, after, repeatable, expected, seconds) => {
  const failure = statusFailure(status, new Headers(after === undefined ? {} : { "retry-after": after }), { repeatable, now: 0 });
  expect(failure).toEqual({ class: expected, reason: `answered ${status}`, code: String(status), ...(seconds === undefined ? {} : { retryAfter: seconds }) });
});
