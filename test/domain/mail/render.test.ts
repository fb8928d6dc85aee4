import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeHtml } from "../../../src/escape";
import { oneLine, renderMail } from "../../../src/domain/mail/render";
import { templateIssues } from "../../../src/domain/mail/model";

const at = Date.UTC(2026, 9, 1, 12, 30, 5);

function html(source: string, variables: Record<string, unknown> = {}, time = at) {
  const rendered = renderMail({ subject: "s", html: source }, { variables, at: time });
  return rendered.ok ? rendered.content.html : rendered;
}

function refusal(source: string, variables: Record<string, unknown> = {}) {
  const rendered = renderMail({ subject: "s", text: source }, { variables, at });
  return rendered.ok ? "rendered" : rendered.reason;
}

describe("variables", () => {
  test.each([
    ["Dear {{ name }},", { nam: "Ada" }, 'text: line 1, column 9: the variable "name" is not given'],
    ["\n {{ order.customer.name }}", { order: { customer: {} } }, 'text: line 2, column 5: the variable "order.customer.name" is not given'],
    ["{{ names[3] }}", { names: ["Ada"] }, "the variable"],
    ["{{ name }}", { name: null }, "text: line 1, column 1: {{ name }} has no value that can be printed"],
    ["{{ names | first }}", { names: [] }, "{{ names | first }} has no value"],
    ["{{ order }}", { order: { total: 1 } }, "{{ order }} has no value"],
    ["{{ constructor }}", {}, '"constructor" is not given'],
    ["{{ name.constructor.name }}", { name: "x" }, "is not given"],
    ["{{ __proto__ }}", {}, "is not given"],
    ["{{ list.map }}", { list: [1] }, "is not given"],
    ["{{ name | unheard_of }}", { name: "x" }, "is not valid Liquid"],
  ])("%s with %j is refused", (source, variables, reason) => {
    expect(refusal(source, variables)).toContain(reason);
  });

  test("a template may say that one can be missing", () => {
    expect(html('{{ name | default: "there" }}{% if coupon %}!{% else %}.{% endif %}')).toBe("there.");
  });

  test("a refusal never shows a value", () => {
    const variables = { key: "ada@example.com", order: { a: 1 }, name: "Ada", date: "x" };
    for (const source of ["{{ order[key] }}", "{{ name | divided_by: 0 | plus: order }}{{ order }}", "{{ name | date: '%Y', key }}{{ missing }}"]) {
      const reason = refusal(source, variables);
      expect(reason).not.toMatch(/ada|example/i);
      expect(reason).not.toBe("rendered");
    }
  });

  test("numbers, booleans and lists are printed", () => {
    expect(html("{{ n }} {{ z }} {{ b }} {{ l }} {{ e }}", { n: 1.5, z: 0, b: false, l: ["a", "<"], e: "" })).toBe("1.5 0 false a&lt; ");
  });

  test("are not changed by a template", () => {
    const variables = { n: 1 };
    expect(html("{% increment n %}{% increment n %}{% assign n = 9 %}{{ n }}", variables)).toBe("129");
    expect(variables).toEqual({ n: 1 });
  });
});

describe("escaping", () => {
  test("in html, not in subject and text", () => {
    const source = "{{ v }} & co";
    const rendered = renderMail({ subject: source, html: source, text: source }, { variables: { v: `<a href="x">O'Neil & Söhne</a>` }, at });
    expect(rendered).toEqual({
      ok: true,
      content: {
        subject: `<a href="x">O'Neil & Söhne</a> & co`,
        html: "&lt;a href=&quot;x&quot;&gt;O&#39;Neil &amp; Söhne&lt;/a&gt; & co",
        text: `<a href="x">O'Neil & Söhne</a> & co`,
      },
    });
  });

  test.each([
    "{{ v | escape }}",
    "{{ v | escape_once }}",
    "{{ v | xml_escape }}",
    "{% assign w = v | escape %}{{ w }}",
    "{% capture w %}{{ v }}{% endcapture %}{{ w }}",
    "{% capture w %}{{ v }}{% endcapture %}{% if w != blank %}{{ w }}{% endif %}",
  ])("happens once: %s", (source) => {
    expect(html(source, { v: "a & b" })).toBe("a &amp; b");
  });

  test("what was captured is not escaped again, unless a filter changed it", () => {
    expect(html("{% capture w %}<b>{{ v }}</b>{% endcapture %}{{ w }} {{ w | append: v }}", { v: "<" })).toBe("<b>&lt;</b> &lt;b&gt;&amp;lt;&lt;/b&gt;&lt;");
  });

  test("keeps the line breaks that a template asks for", () => {
    expect(html("{{ v | newline_to_br }}", { v: "<b>\nc" })).toBe("&lt;b&gt;<br />\nc");
  });

  test.each([
    "{{ v | raw }}",
    "{% include 'x' %}",
    "{% render 'x' %}",
    "{% layout 'x' %}",
    "{% block x %}{% endblock %}",
    "{{ v | sample }}",
    "{{ v | sha256 }}",
  ])("there is no way around it, no partial and no chance: %s", (source) => {
    expect(refusal(source, { v: "x" })).toContain("is not valid Liquid");
    expect(templateIssues({ subject: "s", html: source })).toHaveLength(1);
  });

  test("nothing from a variable ever opens a tag or leaves a quoted attribute", () => {
    const hostile = fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "`", "a", " ", "{{", "}}", "{%", "\n", "😀") });
    fc.assert(
      fc.property(hostile, (v) => {
        const rendered = html('<p title="{{ v }}">{{ v }}</p>', { v });
        expect(rendered).toBe(`<p title="${escapeHtml(v)}">${escapeHtml(v)}</p>`);
        expect(escapeHtml(v)).not.toMatch(/[<>"'`]/);
      }),
    );
  });

  test("content without variables is sent as it is", () => {
    const source = { subject: "{{ a }}", html: "<b>{{ a }}</b>", text: "{% b %}" };
    expect(renderMail(source, { variables: undefined, at })).toEqual({ ok: true, content: source });
  });
});

describe("subject", () => {
  test("cannot become two headers", () => {
    const rendered = renderMail({ subject: "Hi {{ name }}", text: "x" }, { variables: { name: "Ada\r\nBcc: all@example.com\u2028\u0000" }, at });
    expect(rendered.ok && rendered.content.subject).toBe("Hi Ada Bcc: all@example.com");
  });

  test("holds no control character, whatever the variables hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const rendered = renderMail({ subject: "Hi {{ name }}", text: "x" }, { variables: { name }, at });
        if (!rendered.ok) throw new Error(rendered.reason);
        expect(rendered.content.subject).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(rendered.content.subject.isWellFormed()).toBe(true);
      }),
    );
    expect(oneLine("\ud800a\u0085\tb")).toBe("\ufffda b");
  });

  test("is neither empty nor longer than a header may be", () => {
    expect(renderMail({ subject: "{{ a }}", text: "x" }, { variables: { a: " \n " }, at })).toEqual({ ok: false, reason: "subject: is empty" });
    expect(renderMail({ subject: "{{ a }}", text: "x" }, { variables: { a: "x".repeat(999) }, at }).ok).toBe(false);
    expect(renderMail({ subject: "{{ a }}", text: "x" }, { variables: { a: "x".repeat(998) }, at }).ok).toBe(true);
  });
});

describe("time", () => {
  test("now is the job's, in UTC, in every date filter", () => {
    expect(html('{{ "now" | date: "%Y-%m-%d %H:%M:%S" }} {{ "today" | date_to_xmlschema }} {{ "now" | date_to_rfc822 }}')).toBe(
      "2026-10-01 12:30:05 2026-10-01T12:30:05+00:00 Thu, 01 Oct 2026 12:30:05 +0000",
    );
    expect(html('{% assign n = "now" %}{{ n | date: "%H:%M", "Europe/Amsterdam" }} {{ n | date_to_string }}')).toBe("14:30 01 Oct 2026");
  });

  test("other dates are read as usual", () => {
    expect(html('{{ d | date: "%d.%m.%Y" }} {{ e | date: "%d.%m.%Y" }}', { d: "2024-02-29T10:00:00Z", e: 0 })).toBe("29.02.2024 01.01.1970");
  });
});

describe("bounds", () => {
  const many = Array.from({ length: 1000 }, (_, index) => index);

  const long = "a".repeat(500_000);
  const variables = { l: many, v: long, w: `${long.slice(1)}b`, o: Object.fromEntries(many.map((each) => [`k${each}`, each])), rows: many.map((a) => ({ a })) };

  test.each([
    ["empty loops", "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}"],
    ["ranges", "{% for a in (1..100000000) %}{% endfor %}"],
    ["nested ranges", "{% for a in (1..3000) %}{% for b in (1..3000) %}{% endfor %}{% endfor %}"],
    [
      "loops that take one",
      "{% for a in l %}{% for b in l %}{% for c in l offset:1 limit:1 %}{% endfor %}{% for c in o limit:0 %}{% endfor %}{% endfor %}{% endfor %}",
    ],
    ["a doubling text", '{% assign s = "0123456789" %}{% for a in l %}{% assign s = s | append: s %}{% endfor %}'],
    ["captures", `{% for a in l %}{% capture s %}${"x".repeat(10_000)}{% endcapture %}{% endfor %}`],
    ["tables", "{% tablerow a in l cols:2 %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endtablerow %}"],
    [
      "filters that look at each member",
      '{% for a in l %}{% for b in l %}{% assign x = rows | find: "a", "a" %}{% assign x = rows | sum: "a" %}{% endfor %}{% endfor %}',
    ],
    ["filters on long texts", "{% for a in l %}{% assign x = v | url_encode | slugify | size %}{% endfor %}"],
    ["comparisons", "{% for a in l %}{% if v == w or v contains w %}{% endif %}{% endfor %}"],
    ["comparisons of lists", "{% for a in l %}{% for b in l %}{% if l == l %}{% endif %}{% endfor %}{% endfor %}"],
    ["cases", `{% for a in l %}{% case v %}{% when ${Array(100).fill("w").join(", ")} %}{% endcase %}{% endfor %}`],
    ["many branches", `{% for a in l %}{% for b in l %}{% if false %}${"{% elsif false %}".repeat(1000)}{% endif %}{% endfor %}{% endfor %}`],
    ["long conditions", `{% for a in l %}{% if ${Array(5000).fill("false").join(" or ")} %}{% endif %}{% endfor %}`],
  ])("%s are stopped", (_what, source) => {
    expect(refusal(source, variables)).toBe("text: takes more work than a mail may");
    expect(html(source, variables)).toMatchObject({ ok: false });
  });

  test("so is output that is too long, or padded", () => {
    expect(refusal(`{% for a in l %}${"x".repeat(2000)}{% endfor %}`, variables)).toBe("text: is longer than 1000000 characters");
    expect(refusal('{{ "now" | date: "%1000000000Y" }}')).toContain("takes more work");
  });

  test.each([
    ["too long", "x".repeat(262_145), "characters"],
    ["too many tags", "{{ a }}".repeat(4001), "tags"],
    ["too deep", `${"{% if a %}".repeat(4000)}`, ""],
  ])("a template that is %s is refused", (_what, source, reason) => {
    expect(templateIssues({ subject: "s", html: source })).toEqual([{ path: "html", message: expect.stringContaining(reason) }]);
    expect(refusal(source, { a: 1 })).not.toBe("rendered");
  });

  test("an ordinary long mail passes", () => {
    const rows = Array.from({ length: 500 }, (_, index) => ({ name: `Product ${index}`, price: index }));
    const rendered = html("{% for r in rows %}<tr><td>{{ r.name | upcase }}</td><td>{{ r.price }}</td></tr>{% endfor %}", { rows });
    expect(rendered).toContain("<td>PRODUCT 499</td>");
  });

  test("the same input gives the same bytes, and nothing ever throws", () => {
    const piece = fc.constantFrom(
      "{{ a }}",
      "{{ a | upcase }}",
      "{% if a %}",
      "{% endif %}",
      "{% for x in l %}",
      "{% endfor %}",
      "{{ x",
      "}}",
      "{% raw %}",
      "text",
      "{{ a.b }}",
      "{{ 'now' | date }}",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.object({ maxDepth: 2 }), (pieces, variables) => {
        const source = { subject: "s", html: pieces.join(""), text: pieces.join("") };
        const options = { variables: { a: "A", l: [1, 2], ...variables }, at };
        expect(renderMail(source, options)).toEqual(renderMail(source, options));
      }),
    );
  });
});
