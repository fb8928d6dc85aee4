import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createIds } from "../src/queue/id";
import { isolateTraceId, traceFrom, traceIdOf, traceIdOfRequest, traceOf, traceOfChild, traceparentFrom } from "../src/trace";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = "00f067aa0ba902b7";
const header = `00-${trace}-${span}-01`;
const ids = createIds("the id secret of the tests of traces");

test("reads a header of version 00, and of a later version the fields of version 00", () => {
  expect(traceFrom(header)).toBe(`${trace}-01`);
  expect(traceFrom(` ${header} `)).toBe(`${trace}-01`);
  expect(traceFrom(`00-${trace}-${span}-00`)).toBe(`${trace}-00`);
  expect(traceFrom(`01-${trace}-${span}-01`)).toBe(`${trace}-01`);
  expect(traceFrom(`cc-${trace}-${span}-01-what-comes`)).toBe(`${trace}-01`);
});

test.each([
  ["nothing", null],
  ["no text", ""],
  ["version 00 with more", `${header}-more`],
  ["the version that is forbidden", `ff-${trace}-${span}-01`],
  ["capital letters", header.toUpperCase()],
  ["no trace", `00-${"0".repeat(32)}-${span}-01`],
  ["no span", `00-${trace}-${"0".repeat(16)}-01`],
  ["a short trace", `00-${trace.slice(1)}-${span}-01`],
  ["a later version that goes on without a dash", `01-${trace}-${span}-01x`],
  ["two headers in one", `${header}, ${header}`],
  ["a line break", `01-${trace}-${span}-01-\r\nx-evil: 1`],
  ["more than is looked at", `01-${trace}-${span}-01-${"x".repeat(300)}`],
])("takes %s for no trace", (_what, given) => {
  expect(traceFrom(given)).toBeUndefined();
});

test("whatever is sent is no trace, or one that can be sent on", () => {
  const near = fc.array(fc.constantFrom(..."0123456789abcdefABCG- \n"), { minLength: 50, maxLength: 62 }).map((all) => all.join(""));
  const hex = (length: number) => fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length }).map((all) => all.join(""));
  const right = fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join("-"));
  fc.assert(
    fc.property(fc.oneof(near, right, fc.string()), (given) => {
      const read = traceFrom(given);
      if (read !== undefined) expect(traceFrom(traceparentFrom(read))).toBe(read);
    }),
  );
});

test("without a header the trace follows from the id: 32 digits, another for each job, the same for ever", async () => {
  const made = await Promise.all([1, 2, 3].map(() => ids.make("t", Date.UTC(2026, 10, 21))));
  const derived = await ids.derive("t", ["email", "key"]);
  const traces = [...made, derived].map((id) => traceIdOf({ id }));
  expect(new Set(traces).size).toBe(4);
  for (const each of traces) expect(each).toMatch(/^[0-9a-f]{32}$/);
  expect(traceIdOf({ id: derived })).toBe(traceIdOf({ id: derived }));
  expect(traceFrom(traceparentFrom(traceOf({ id: derived })))).toBe(traceOf({ id: derived }));
});

test("a job, its children and theirs are in one trace, and the first children carry nothing for it", async () => {
  const [root, child, grandchild] = await Promise.all([1, 2, 3].map(() => ids.make("t", 5)));
  const first = { id: child ?? "", parent: root, trace: traceOfChild({ id: root ?? "" }) };
  expect(first.trace).toBeUndefined();
  const second = { id: grandchild ?? "", parent: child, trace: traceOfChild(first) };
  expect([traceIdOf(first), traceIdOf(second)]).toEqual([traceIdOf({ id: root ?? "" }), traceIdOf({ id: root ?? "" })]);
  const named = { id: root ?? "", trace: `${trace}-00` };
  expect(traceOf({ id: child ?? "", parent: root, trace: traceOfChild(named) })).toBe(`${trace}-00`);
});

test("what is carried and is no trace is not sent on", () => {
  expect(traceOf({ id: "k".repeat(34), trace: "x\r\nevil: 1" })).toMatch(/^[0-9a-f]{32}-01$/);
});

test("each call has a span of its own", () => {
  const sent = [1, 2].map(() => traceparentFrom(`${trace}-01`));
  expect(new Set(sent).size).toBe(2);
  for (const each of sent) expect(each).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
});

test("lines of requests and of isolates have a trace too", () => {
  expect(traceIdOfRequest(new Headers({ traceparent: header }), "x")).toBe(trace);
  expect(traceIdOfRequest(new Headers(), "00000000-0000-4000-8000-0000000000ff")).toBe("000000000000400080000000000000ff");
  expect(isolateTraceId()).toMatch(/^[0-9a-f]{32}$/);
  expect(isolateTraceId()).toBe(isolateTraceId());
});
