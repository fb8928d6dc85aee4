import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAnswer } from "../../../src/providers/shop/answer";
import { readXml } from "../../../src/providers/shop/xml";

const elements = (text: string) => {
  const answer = readAnswer(text, "orders");
  return answer.kind === "rows" ? answer.elements : answer.kind;
};
const page = '<!DOCTYPE html><html lang="en"><head><script type="application/ld+json">{"orders":[{"id":1}]}</script></head><body>[]</body></html>';

describe("what no conclusion may be drawn from", () => {
  test.each([
    ["nothing", ""],
    ["blanks", " \n\uFEFF"],
    ["a text", "401 Unauthorized"],
    ["a number", "0"],
    ["null", "null"],
    ["an object without a root", "{}"],
    ["a root that is null", '{"orders":null}'],
    ["a gateway's message", '{"message":"no Route matched"}'],
    ["two roots", '{"orders":[{"id":1}],"total":[]}'],
    ["names instead of rows", '["customers","orders"]'],
    ["a list of texts", '{"orders":["1","2"]}'],
    ["JSON that breaks off", '{"orders":[{"id":1},{"id":2'],
    ["JSON that breaks off behind a row", '{"orders":[{"id":1}'],
    ["JSON that breaks off behind a row that failed to load", '{"orders":[{"id":1},[]'],
    ["JSON that breaks off behind its lines", '{"orders":[{"id":1,"associations":{"order_rows":[{"id":"10"}]}'],
    ["the same behind a notice", 'Notice: x\n{"orders":[{"id":1,"associations":{"order_rows":[{"id":"10"}]}'],
    ["no rows under another root", '{"debug":[]}'],
    ["no rows under another root, as XML", "<prestashop><debug></debug></prestashop>"],
    ["an echo of JSON before it", '{"debug":"x"}{"orders":[{"id":1}]}'],
    ["an echo of a list before JSON that breaks off", 'x {"debug":[]} {"orders":[{"id":1'],
    ["an empty list before other text", "[] and more"],
    ["an empty list before rows", '[]\n{"orders":[{"id":1}]}'],
    ["PHP's last words", "<br />\n<b>Fatal error</b>: Allowed memory size exhausted in <b>/x.php</b> on line <b>1</b><br />"],
    ["XML that breaks off", "<?xml version='1.0'?><prestashop><orders><order><id>1</id>"],
    ["XML with a document type", '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "b">]><prestashop><orders/></prestashop>'],
    ["other XML", '<?xml version="1.0"?><rss><channel/></rss>'],
  ])("%s", (_what, text) => expect(elements(text)).toBe("unreadable"));

  test.each([page, page.toLowerCase(), `\n\n${page}`, "<html><body>Maintenance</body></html>"])("a page: %s", (text) => expect(elements(text)).toBe("html"));
});

describe("shapes of a list", () => {
  const [one, two] = [{ id: 1 }, { id: 2 }];
  test.each([
    ["no rows", "[]", []],
    ["no rows under a root", '{"orders":[]}', []],
    ["no rows in an object", '{"orders":{}}', []],
    ["ids", '{"orders":[{"id":1},{"id":2}]}', [one, two]],
    ["a row of 1.7 that failed to load", '{"orders":[{"id":1},[],{"id":2}]}', [one, [], two]],
    ["a row of 8.2 that failed to load", '{"orders":{"0":{"id":1},"2":{"id":2}}}', [one, two]],
    ["a single row", '{"order":{"id":1}}', [one]],
    ["an empty root", '{"":[{"id":1}]}', [one]],
    ["another root than the resource", '{"content_management_system":[{"id":1}]}', [one]],
    ["a byte order mark", '\uFEFF{"orders":[{"id":1}]}', [one]],
    ["several marks and blanks", '\uFEFF\uFEFF \n{"orders":[{"id":1}]}\n', [one]],
    ["PHP notices before it", '<br />\n<b>Notice</b>: Undefined index: [x] {y} in <b>/a.php</b><br />\n{"orders":[{"id":1}]}', [one]],
    ["an echo before no rows", "debug [1]\n[]", []],
    ["a script behind it", '{"orders":[{"id":1}]}\n<script>var m={a:1};</script>', [one]],
    ["another value behind it", '{"orders":[{"id":1,"note":"a } \\" {"}]}\n{"debug":[{"id":9}]}', [{ id: 1, note: 'a } " {' }]],
    ["JSON that breaks off behind it", '{"orders":[{"id":1}]}\n{"debug":[', [one]],
    ["a script before and behind it", '<script>m={a:1}</script>{"orders":[{"id":1}]}<script>var m={"a":1};</script>', [one]],
    ["a script behind no rows", "[]\n<script>var m={a:1};</script>", []],
    ["another value behind no rows", '[]\n{"debug":1}', []],
    ["words behind it", '{"orders":[{"id":1}]}<br />Deprecated: foo', [one]],
    ["XML ids", '<?xml version="1.0"?><prestashop xmlns:xlink="x"><orders><order id="1" xlink:href="y"/></orders></prestashop>', [{ id: "1" }]],
    ["no rows as XML", '<?xml version="1.0"?>\n<prestashop xmlns:xlink="x">\n<orders></orders>\n</prestashop>\n', []],
  ])("%s", (_what, text, expected) => expect(elements(text)).toEqual(expected));

  test("other text is a warning", () => {
    expect(readAnswer('x {"orders":[]}', "orders")).toMatchObject({ kind: "rows", warnings: [expect.stringContaining("mixed other text")] });
    expect(readAnswer('{"orders":[]}', "orders")).toMatchObject({ kind: "rows", warnings: [] });
  });

  test("XML rows come as JSON ones do, with languages, associations and CDATA", () => {
    const text = `<?xml version="1.0" encoding="UTF-8"?><prestashop xmlns:xlink="http://www.w3.org/1999/xlink"><orders><order>
      <id><![CDATA[7]]></id><id_customer xlink:href="https://x/api/customers/3"><![CDATA[3]]></id_customer><payment>A &amp; B &lt;&#67;&#x44;</payment><note></note>
      <name><language id="1" xlink:href="y"><![CDATA[Vase]]></language><language id="2"><![CDATA[Váza]]></language></name>
      <associations><order_rows nodeType="order_row" virtualEntity="true"><order_row><id><![CDATA[70]]></id></order_row></order_rows></associations>
    </order></orders></prestashop>`;
    const name = [
      { id: "1", value: "Vase" },
      { id: "2", value: "Váza" },
    ];
    expect(elements(text)).toEqual([{ id: "7", id_customer: "3", payment: "A & B <CD", note: "", name, associations: { order_rows: [{ id: "70" }] } }]);
  });
});

describe("errors", () => {
  const error = { code: 26, message: "not allowed" };
  test.each([
    ["JSON", '{"errors":[{"code":26,"message":"not allowed"}]}'],
    ["a code as text", '{"errors":[{"code":"26","message":"not allowed"}]}'],
    ["beside rows", '{"orders":[{"id":1}],"errors":[{"code":26,"message":"not allowed"}]}'],
    [
      "XML",
      "<?xml version='1.0'?><prestashop><errors><error><code><![CDATA[26]]></code><message><![CDATA[not allowed]]></message></error></errors></prestashop>",
    ],
  ])("%s", (_what, text) => expect(readAnswer(text, "orders")).toMatchObject({ kind: "rows", errors: [error] }));
});

/** Rows of which parts look like lists themselves. */
const rows = fc.array(
  fc.record({ id: fc.integer({ min: 1 }), a: fc.jsonValue(), associations: fc.constantFrom({ order_rows: [{ id: "10" }] }, [], {}, null) }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

test("any rows come back from JSON, behind any text without braces", () =>
  fc.assert(
    fc.property(rows, fc.string(), (given, noise) => {
      const text = JSON.stringify({ orders: given });
      expect(elements(`${noise.replaceAll(/[{}[\]<]/g, "")}${text}`)).toEqual(JSON.parse(JSON.stringify(given)));
    }),
  ));

test("any rows come back from JSON before any text", () =>
  fc.assert(
    fc.property(rows, fc.oneof(fc.string(), fc.json()), (given, noise) => {
      const text = JSON.stringify({ orders: given });
      expect(elements(`${text}\n${noise.replaceAll("<", "")}`)).toEqual(JSON.parse(JSON.stringify(given)));
    }),
  ));

test("a long answer is read to the end of its first value", () => {
  const long = "\\\\".repeat(1_000_000);
  expect(elements(`{"orders":[{"id":1,"note":"${long}"}]}\n<script>{a:1}</script>`)).toHaveLength(1);
  for (const text of [`x {"a${long}`, `x {"${"{".repeat(1_000_000)}`]) expect(elements(text)).toBe("unreadable");
});

test("nothing that breaks off is taken for a list, wherever it does, with or without text before it", () =>
  fc.assert(
    fc.property(rows, fc.constantFrom("", "Notice: undefined index [x]\n"), (given, noise) => {
      const text = JSON.stringify({ orders: given });
      for (let length = 0; length < text.length; length++) expect(elements(`${noise}${text.slice(0, length)}`)).toBe("unreadable");
    }),
    { numRuns: 40 },
  ));

const scraps = fc
  .array(fc.constantFrom("<a>", "</a>", "<a/>", "<b c='1'>", "<!--", "-->", "<![CDATA[", "]]>", "&amp;", "&#0;", "<?xml ", "?>", '{"', "[]", "}"))
  .map((all) => all.join(""));

test("whatever comes, the reader answers", () =>
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), scraps), (text) => {
      expect(["rows", "html", "unreadable"]).toContain(readAnswer(text, "orders").kind);
      expect(() => readXml(text)).not.toThrow();
    }),
  ));

test("XML deeper than any list is refused", () => expect(readXml(`${"<a>".repeat(17)}${"</a>".repeat(17)}`)).toBeUndefined());
test("a long answer that is no XML is refused in time", () => expect(readXml(`<a ${"b=".repeat(50_000)}`)).toBeUndefined());
