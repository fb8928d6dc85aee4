import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { expect, test } from "vitest";
import { withVisibleControls } from "../../src/dashboard/visible-controls";

const controls = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";

test("a control of text direction in a text is shown by its code, other text stays", () => {
  const html = renderToString(h("p", null, `a "quoted" > ${controls} <b> \u05d0\u200f`));
  const codes = ["202A", "202B", "202C", "202D", "202E", "2066", "2067", "2068", "2069"].map((code) => `[U+${code}]`).join("");
  expect(withVisibleControls(html)).toBe(html.replace(controls, codes));
});

test("what a form sends back stays as it is", () => {
  const fields = h("form", null, h("input", { name: "note", value: `> ${controls}" <` }), h("textarea", { name: "patch", value: `> ${controls}" <` }));
  const html = renderToString(fields);
  expect(html).toContain(controls);
  expect(withVisibleControls(html)).toBe(html);
});
