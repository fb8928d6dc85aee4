import { filters } from "liquidjs";
import { describe, expect, test } from "vitest";
import { evaluate, syntaxIssue } from "../../../src/domain/mail/liquid";
import { budget, createMailMeter } from "../../../src/domain/mail/meter";
import { renderMail } from "../../../src/domain/mail/render";
import { growsTooFast } from "../../support/growth";

const tooMuch = expect.stringMatching(/takes more work than a mail may$|nests lists deeper than 64 levels$/);
const pushed = (depth: number) => `{% assign a = '' | split: ',' %}${"{% assign a = a | push: a | push: a %}".repeat(depth)}`;

function render(text: string, variables: Record<string, unknown> = {}, limit: number = budget) {
  const meter = createMailMeter(limit);
  const evaluated = evaluate(text, "plain", { variables, at: 0, meter });
  return { output: evaluated.ok ? evaluated.text : evaluated.issue, spent: meter.spent };
}

describe("a list that holds itself is charged for all that is reached", () => {
  test.each([
    "{{ a }}",
    "{% if a == b %}{% endif %}",
    "{% if a < b %}{% endif %}",
    "{% if b contains a %}{% endif %}",
    "{% case a %}{% when b %}{% endcase %}",
    "{{ a | append: '' }}",
    "{{ 'x' | append: a }}",
    "{{ a | downcase }}",
    "{{ a | join: '' | size }}",
    "{{ a | json | size }}",
    "{{ a | sort | size }}",
    "{{ a | sort_natural | size }}",
    "{{ a | sum }}",
    "{{ a | plus: 1 }}",
    "{{ 1 | plus: a }}",
    "{{ 'x' | slice: a }}",
    "{{ 'now' | date: a }}",
    "{{ a | date: '%Y' }}",
    "{{ l | where: 'x', a | size }}",
    "{{ l | map: a | size }}",
    "{{ l | find_exp: a, 'true' }}",
    "{{ o[a] }}",
    "{% cycle a: 'x', 'y' %}",
    "{% echo a %}",
    "{% capture c %}{{ a }}{% endcapture %}",
    "{% for i in (a..a) %}{% endfor %}",
    "{% assign b = a | group_by_exp: 'x', '1' | map: 'items' %}{{ b }}",
    "{% tablerow i in a %}{{ i }}{% endtablerow %}",
  ])("%s", (source) => {
    const { output, spent } = render(`${pushed(45)}{% assign b = a | reverse %}${source}`, { l: [{ x: [] }], o: {} });
    expect(output).toEqual(tooMuch);
    expect(spent).toBeLessThanOrEqual(budget);
  });

  test("made with concat and groups instead of push", () => {
    const source = `{% assign a = "x" | split: "," %}${"{% assign a = a | concat: a | group_by_exp: 'x', '1' | map: 'items' %}".repeat(30)}{{ a }}`;
    expect(render(source).output).toEqual(tooMuch);
  });
});

describe("what is hidden from a look at the type is charged", () => {
  const captured = "{% capture c %}{{ t }}a{% endcapture %}{% capture e %}{{ t }}b{% endcapture %}";
  const spentOn = (source: string, variables: Record<string, unknown>) => {
    const meter = createMailMeter();
    evaluate(source, "html", { variables, at: 0, meter });
    return meter.spent;
  };

  test.each(["<", "==", "!=", ">="])("captured texts are compared by %s as texts", (operator) => {
    const t = "a".repeat(50_000);
    const compared = spentOn(`${captured}{% if c ${operator} e %}{% endif %}`, { t });
    expect(compared - spentOn(captured, { t })).toBeGreaterThan(100_000);
  });

  test.each([
    ["a list", "{{ 'now' | date: f | size }}", { f: ["%c".repeat(300)] }],
    ["a captured text", "{% capture f %}{% for i in (1..300) %}%c{% endfor %}{% endcapture %}{{ 'now' | date: f | size }}", {}],
  ])("the names that a date format asks for: %s", (_what, source, variables) => {
    expect(spentOn(source, variables)).toBeGreaterThan(300 * 4000);
  });

  test.each(["json", "jsonify", "inspect"])("the indent of %s, before it is written", (filter) => {
    const l = Array.from({ length: 50 }).reduce<unknown>((inner) => [inner], Array(10_000).fill(1));
    expect(render(`{{ l | ${filter}: 10 | size }}`, { l }).output).toEqual(tooMuch);
    expect(render(`{{ l | ${filter} | size }}`, { l }).output).not.toEqual(tooMuch);
  });
});

/** Texts and lists for which some filter does the most it can, as long as `size`. */
const texts = (size: number): Record<string, unknown> => {
  const long = (piece: string) => piece.repeat(Math.ceil(size / piece.length));
  const rows = Array.from({ length: size / 20 }, (_, index) => ({ a: null, b: `v${index % 7}`, c: [1, 2], d: index }));
  return {
    ...{
      letters: long("a"),
      blanks: `${long(" ")}x`,
      tags: long("<"),
      comments: long("<!--"),
      escapes: long("%41"),
      newlines: long("\n"),
      words: long("a - "),
      ones: long("1"),
    },
    ...{
      unicode: long("漢字 ß😀"),
      list: rows.map(({ b }) => b),
      rows,
      nested: rows.map(({ c }) => [c, [c]]),
      map: Object.fromEntries(rows.map((row, index) => [`k${index}`, row])),
    },
    ...{
      middle: `${"a".repeat(size / 4)}b${"a".repeat(size / 4)}`,
      path: `a${".a".repeat(size / 40)}`,
      exp: "x ".repeat(size / 40),
      names: "%a%B%c".repeat(size / 60),
      one: "x",
      date: "2024-02-29",
    },
  };
};
const values = ["letters", "blanks", "tags", "comments", "escapes", "newlines", "words", "ones", "unicode", "list", "rows", "nested", "map", "date"];
const arguments_ = ["", ": one", ": middle", ": path", ": 'a', blank", ": 'x', exp", ": 'x', 'x.d'", ": names", ": '', letters", ": 3", ": nested"];

test("no filter takes longer than in proportion to what it is charged, whatever it is given", () => {
  const left = Object.keys(filters).filter((name) => !["raw", "sample", "sha256", "hmac_sha256"].includes(name));
  const limit = 20_000;
  // Every other try ends in an error, and tests look up sources for the stack of each: that would be measured instead.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const variables = texts(20_000);
  const timeOf = (source: string) => {
    const started = performance.now();
    const { spent } = render(source, variables, limit);
    return { ms: performance.now() - started, spent };
  };
  // The time of a whole small budget spent on what is plain, measured beside each try: another process may have the core in both.
  const plain = "{% for i in (1..5000) %}{% assign q = one | upcase %}{% endfor %}";
  for (let round = 0; round < 5; round++) timeOf(plain);
  const excess = (source: string) => {
    const { ms } = timeOf(source);
    return ms <= 25 * 2 ? 0 : ms / (25 * Math.max(2, timeOf(plain).ms));
  };
  const slow: string[] = [];
  // Every filter takes each value with a third of the arguments.
  for (const [turn, name] of left.entries()) {
    for (const [index, value] of values.entries()) {
      for (const argument of arguments_.filter((_, at) => (turn + index + at) % 3 === 0)) {
        const source = `{% for i in (1..1000) %}{% assign q = ${value} | ${name}${argument} %}{% endfor %}`;
        let least = Infinity;
        for (let attempt = 0; attempt < 40 && least > 1; attempt++) least = Math.min(least, excess(source));
        if (least > 1) slow.push(`${value} | ${name}${argument}: ${least.toFixed(1)} times what is allowed`);
      }
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  expect(slow).toEqual([]);
});

test.each([
  ["contains", "{% if t contains p %}{% endif %}"],
  ["split", "{{ t | split: p | size }}"],
  ["remove", "{{ t | remove: p | size }}"],
  ["replace", "{{ t | replace: p, '' | size }}"],
  ["remove_first", "{{ t | remove_first: p | size }}"],
  ["replace_first", "{{ t | replace_first: p, '' | size }}"],
  ["remove_last", "{{ t | remove_last: p | size }}"],
  ["replace_last", "{{ t | replace_last: p, '' | size }}"],
])("searching is charged for the product of text and pattern before it is done: %s", (_name, source) => {
  for (const p of [`${"a".repeat(100_000)}b`, `b${"a".repeat(100_000)}`, `${"a".repeat(50_000)}b${"a".repeat(50_000)}`]) {
    expect(render(source, { t: "a".repeat(200_000), p }).output).toEqual(tooMuch);
  }
  expect(render(source, { t: `${"a".repeat(100_000)}bcd`, p: "bc" }).output).not.toEqual(tooMuch);
});

describe("what never ends, or takes the square of its length, ends at once", () => {
  test.each([
    ["a range beyond the precision of numbers", "{% for i in (9007199254740992..9007199254740994) %}{% endfor %}"],
    ["the same from texts", "{% for i in (from..to) %}{% endfor %}"],
    ["a range without end", "{% for i in (1..end) %}{% endfor %}"],
  ])("%s", (_name, source) => {
    expect(render(source, { from: "9007199254740992", to: "9007199254740994", end: "Infinity" }).output).toContain("has a range whose bounds are too large");
  });

  test.each([
    ["an inline comment of empty lines", (size: number) => `{% #${"\n".repeat(size)}# %}`],
    ["a liquid tag of many lines", (size: number) => `{% liquid${"\n#".repeat(size / 2)} %}`],
    ["brackets", (size: number) => `{{ ${"(".repeat(size)} }}`],
    ["an unclosed raw", (size: number) => `{% raw %}${"{% endraw".repeat(size / 9)}`],
    ["a case of many values", (size: number) => `{% case a %}{% when ${"1,".repeat(size / 2)}1 %}{% endcase %}`],
    ["conditions", (size: number) => `{% if ${"a or ".repeat(size / 5)}a %}{% endif %}`],
  ])("%s", (_name, source) => {
    // Each text is another one: what was checked before is remembered.
    let texts = 0;
    expect(growsTooFast((size) => void syntaxIssue(`${source(size)}${texts++}`, "plain"), 30_000)).toBe(false);
  });

  test("a key that a template repeats", () => {
    const key = `${"a".repeat(60_000)}b${"a".repeat(60_000)}`;
    expect(growsTooFast((size) => void render(`${"a".repeat(size)}{{ o[k] }}`, { o: {}, k: key }), 30_000)).toBe(false);
  });
});

test("lists are sorted as LiquidJS does", () => {
  const variables = { n: [10, 9, null, 1], t: ["b", "A", "a", "B"], r: [{ p: { q: 2 } }, { p: { q: 1 } }, {}] };
  expect(render("{{ n | sort | json }} {{ t | sort | join }} {{ t | sort_natural | join }} {{ r | sort: 'p.q' | json }}", variables).output).toBe(
    '[1,9,10,null] A B a b A a b B [{"p":{"q":1}},{"p":{"q":2}},{}]',
  );
});

test("the last occurrence is replaced, also where occurrences overlap", () => {
  const source = "{{ 'aaa' | replace_last: 'aa', 'X' }} {{ 'a.b.c' | remove_last: '.' }} {{ 'abc' | remove_last: 'x' }} {{ 'ab' | replace_last: '', 'X' }}";
  expect(render(source).output).toBe("aX a.bc abc abX");
});

describe("a missing variable", () => {
  test.each([
    ["{% for i in items %}{{ i }}{% else %}none{% endfor %}", "none"],
    ["{% for i in order.items %}{{ i }}{% else %}none{% endfor %}", "none"],
    ['{{ name | capitalize | default: "friend" }}', "friend"],
    ['{% assign n = name | capitalize | default: "friend" %}{{ n }}', "friend"],
    ['{% echo name | strip | default: "friend" %}', "friend"],
    ["{% assign c = coupon %}{% if c %}yes{% else %}no{% endif %}", "no"],
  ])("%s does what its author wrote", (source, text) => {
    expect(render(source).output).toBe(text);
  });

  test.each([
    ["{% for i in items %}{{ i }}{% endfor %}", 'the variable "items" is not given'],
    ["{{ name | capitalize }}", 'the variable "name" is not given'],
    ["{% assign n = name | capitalize %}Dear {{ n }},", 'the variable "name" is not given'],
    ["{{ nothing | capitalize }}", "{{ nothing | capitalize }} has no value that can be printed"],
    ["{{ name | default: other }}", 'the variable "other" is not given'],
  ])("%s is refused", (source, flaw) => {
    expect(render(source, { nothing: null }).output).toContain(flaw);
  });
});

test("all parts of a mail share one budget, and an ordinary long one is far from it", () => {
  const rows = Array.from({ length: 500 }, (_, index) => ({ name: `Product ${index}`, price: index, on: "2026-10-01" }));
  const source = "{% for r in rows %}<tr><td>{{ r.name | upcase }}</td><td>{{ r.price | times: 2 }}</td></tr>{% endfor %}";
  const meter = createMailMeter();
  expect(renderMail({ subject: "s", html: source, text: source }, { variables: { rows }, at: 0 }, meter).ok).toBe(true);
  expect(meter.spent).toBeLessThan(budget / 8);
  const half = "{% for a in (1..200000) %}{% endfor %}";
  expect(renderMail({ subject: "s", html: half }, { variables: {}, at: 0 }).ok).toBe(true);
  expect(renderMail({ subject: "s", html: half, text: half }, { variables: {}, at: 0 })).toEqual({
    ok: false,
    reason: "text: takes more work than a mail may",
  });
});
