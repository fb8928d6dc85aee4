import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkJson, parseJson } from "../../src/json/json";

const half = "\ud800";

describe("parseJson says where a text is wrong", () => {
  test.each([
    ["", "the text ends before the value does"],
    ['{"a":}', '"}" stands where a value is expected'],
    ['{"a":1', "line 1, column 7: expected ',' or '}' after property value"],
    ['{"a":1,}', "line 1, column 8: expected double-quoted property name"],
    ["[1,]", '"]" stands where a value is expected'],
    ["{a:1}", "line 1, column 2: expected property name or '}'"],
    ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expected ',' or '}' after property value"],
    ['"\\x"', "line 1, column 3: bad escaped character"],
    ['"\n"', "line 1, column 2: bad control character in string literal"],
    ['"open', "line 1, column 6: unterminated string"],
    ["01", "line 1, column 2: unexpected number"],
    ["{} x", "line 1, column 4: nothing may follow the value"],
    ["NaN", "a value is no JSON"],
    ["\ufeff{}", '"\ufeff" stands where a value is expected'],
  ])("%j", (text, message) => {
    expect(parseJson(text)).toEqual({ ok: false, reason: "malformed", message });
  });

  test.each(['{"to": "anna@example.com" oops}', "anna@example.com", '{"to": anna@example.com}', `"x in JSON at position 3 (line 1 column 4)" anna`])(
    "without repeating the text, which may be personal: %j",
    (text) => expect(JSON.stringify(parseJson(text))).not.toContain("anna"),
  );

  test("refuses what would fill the memory before building it", () => {
    expect(parseJson("[".repeat(5_000_000))).toMatchObject({ ok: false, reason: "excessive", message: "character 513: nested too deep: 64 levels at most" });
    expect(parseJson(`[${"{},".repeat(1_000_001)}1]`)).toMatchObject({ ok: false, reason: "excessive" });
    expect(parseJson(JSON.stringify("[".repeat(2000)))).toMatchObject({ ok: true });
  });

  test("refuses objects of which each has names of its own, also of the same names in another order, and takes many that are alike", () => {
    const list = (rows: number, name: (row: number, index: number) => string) =>
      `[${Array.from({ length: rows }, (_, row) => `{${Array.from({ length: 100 }, (_, index) => `"${name(row, index)}":1`).join(",")}}`).join(",")}]`;
    const refused = { ok: false, reason: "excessive", message: expect.stringMatching(/^character \d+: too many different names$/) as unknown };
    expect(parseJson(list(2000, (row, index) => `k${row * 100 + index}`))).toMatchObject(refused);
    expect(parseJson(list(4000, (row, index) => `k${(index * ((row % 97) + 1) + row) % 101}`))).toMatchObject(refused);
    expect(parseJson(list(4000, (row, index) => `k${index}`)).ok).toBe(true);
  });

  test("agrees with JSON.parse on every text", () => {
    const text = fc.oneof(
      fc.json(),
      fc.tuple(fc.json(), fc.nat(), fc.constantFrom("", ",", "}", "]", '"', "\\", "\u0001", "-", ".", "e", " ")).map(([json, place, change]) => {
        const cut = place % (json.length + 1);
        return json.slice(0, cut) + change + json.slice(cut + 1);
      }),
      fc.array(fc.constantFrom("{", "}", "[", "]", ":", ",", '"a"', "1", "-", "0", "true", "nul", " ", "\n", '"', "\\u12")).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (each) => {
        const parsed = parseJson(each);
        if (parsed.ok) expect(parsed.value).toEqual(JSON.parse(each));
        else expect(() => JSON.parse(each)).toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});

describe("checkJson", () => {
  test.each<[string, string, string]>([
    [`{"a":"\\ud800"}`, "a", "well-formed"],
    [`{"\\udc00":1}`, "\ufffd", "well-formed"],
    [`{"a":[{"__proto__":{"x":1}}]}`, "a[0].__proto__", "not allowed"],
    [`{"a":1e400}`, "a", "too large"],
    [`[1, -1e999]`, "[1]", "too large"],
    [`{"n":9007199254740993}`, "n", "exactly"],
    [`1e17`, "", "exactly"],
  ])("%s", (text, path, message) => {
    const issues = checkJson(JSON.parse(text));
    expect(issues).toHaveLength(1);
    expect(issues[0]?.path).toBe(path);
    expect(issues[0]?.message).toContain(message);
  });

  test("allows 64 levels and not 65, whatever they are made of", () => {
    const lists = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth)) as unknown;
    const objects = (depth: number) => JSON.parse('{"a":'.repeat(depth) + "1" + "}".repeat(depth)) as unknown;
    expect(checkJson(lists(64))).toEqual([]);
    expect(checkJson(objects(64))).toEqual([]);
    expect(checkJson(lists(65))).toMatchObject([{ message: expect.stringContaining("too deep") }]);
    expect(checkJson(objects(65))).toMatchObject([{ path: Array(64).fill("a").join("."), message: expect.stringContaining("too deep") }]);
    expect(checkJson(objects(65), "payload")[0]?.path).toMatch(/^payload\.a\.a/);
  });

  test("survives what is no JSON at all: cycles, functions, dates, holes", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, cycle);
    expect(checkJson(cycle).length).toBeGreaterThan(0);
    expect(checkJson({ f: () => 1, d: new Date(0), b: 1n, u: undefined })).toMatchObject([{ path: "f" }, { path: "d" }, { path: "b" }]);
    expect(checkJson([undefined])).toMatchObject([{ path: "[0]" }]);
  });

  test("lists at most 20 issues", () => {
    expect(checkJson(Array(500).fill(half))).toHaveLength(20);
  });

  test("finds nothing in ordinary JSON, and a planted flaw wherever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 10 }), (value) => {
        const ordinary = JSON.parse(JSON.stringify(value, (_key, each: unknown) => (typeof each === "number" ? 1 : each))) as unknown;
        const wellFormed = JSON.stringify(ordinary).isWellFormed() && !/\\ud[89a-f]|__proto__/i.test(JSON.stringify(ordinary));
        if (wellFormed) expect(checkJson(ordinary)).toEqual([]);
        expect(checkJson({ deep: [ordinary, half] }).some((issue) => issue.path === "deep[1]")).toBe(true);
      }),
    );
  });
});
