import * as fc from "fast-check";
import { expect, test } from "vitest";
import { withoutScriptLinks } from "../../../src/domain/mail/links";
import { renderMail } from "../../../src/domain/mail/render";
import { growsTooFast } from "../../support/growth";

test.each([
  ['<a href="javascript:alert(1)">x</a>', '<a href="#">x</a>'],
  ["<a href='JavaScript:alert(1)'>x</a>", "<a href='#'>x</a>"],
  ["<a href=javascript:alert(1)>x</a>", "<a href=#>x</a>"],
  ['<a class=b HREF = "java\nscript:alert(1)" id=c>x</a>', '<a class=b HREF = "#" id=c>x</a>'],
  ['<a href=" &#106;avascript&colon;alert(1)">x</a>', '<a href="#">x</a>'],
  ['<a href="&#x6A&#x61;vascript:x">x</a>', '<a href="#">x</a>'],
  ['<a href="jav&Tab;ascript:x">x</a>', '<a href="#">x</a>'],
  ['<a href="vbscript:x">x</a>', '<a href="#">x</a>'],
  ['<a href="data:text/html,<script>x</script>">x</a>', '<a href="#">x</a>'],
  ['<a href="data:image/png;base64,AA">x</a>', '<a href="#">x</a>'],
  ['<img src="data:image/svg+xml,x">', '<img src="#">'],
  ['<svg/onload=x><use xlink:href="javascript:x"/></svg>', '<svg/onload=x><use xlink:href="#"/></svg>'],
  ['<form action="javascript:x"><button formaction=javascript:y></button></form>', '<form action="#"><button formaction=#></button></form>'],
  ['<a title="a > b" href="javascript:x">', '<a title="a > b" href="#">'],
  ['<a href="javascript:x"><a href="https://ok.example/"><a href="javascript:y">', '<a href="#"><a href="https://ok.example/"><a href="#">'],
  // Comments, and texts that a browser does not take for tags.
  ['<!-- <a title="--><a href="javascript:x">', '<!-- <a title="--><a href="#">'],
  ['<!--><a href="javascript:x">', '<!--><a href="#">'],
  ['<!---><a href="javascript:x">-->', '<!---><a href="#">-->'],
  ['<!-- "--!><a href="javascript:x">', '<!-- "--!><a href="#">'],
  ['<!doctype "><a href="javascript:x">', '<!doctype "><a href="#">'],
  ['<?x "><a href="javascript:x">', '<?x "><a href="#">'],
  ['</ "><a href="javascript:x">', '</ "><a href="#">'],
  ['<style>a[title="]{}</style><a href="javascript:x">', '<style>a[title="]{}</style><a href="#">'],
  ['<style><a title="</STYLE ><a href="javascript:x">', '<style><a title="</STYLE ><a href="#">'],
  ['<title><a title=\'</title><a href="javascript:x">', '<title><a title=\'</title><a href="#">'],
  ['<textarea><a b="</textarea></title><a href="javascript:x">', '<textarea><a b="</textarea></title><a href="#">'],
  ['<svg><style><a title="</style>" href="javascript:x"></svg>', '<svg><style><a title="</style>" href="#"></svg>'],
  ['<svg></svg><style><a title="</style><a href="javascript:x">', '<svg></svg><style><a title="</style><a href="#">'],
  ['<style><a href="javascript:x"></style>', '<style><a href="#"></style>'],
  // Where a browser with scripts has text, a mail program may have elements.
  ['<noscript><a href="javascript:x"></noscript>', '<noscript><a href="#"></noscript>'],
  ['<iframe><a href="javascript:x"></iframe>', '<iframe><a href="#"></iframe>'],
  ['<select><style><a href="javascript:x"></style></select>', '<select><style><a href="#"></style></select>'],
  ['<a href="https://ok.example/" href="javascript:x">', '<a href="https://ok.example/" href="#">'],
  ['<object data="javascript:x">', '<object data="#">'],
])("neutralises %s", (html, safe) => {
  expect(withoutScriptLinks(html)).toBe(safe);
});

test.each([
  '<a href="https://example.com/?q=javascript:x">x</a>',
  '<a href="mailto:ada@example.com?subject=a&amp;b">x</a>',
  '<img src="data:image/png;base64,AAAA" alt="javascript:">',
  '<a href="/relative">x</a><a href>y</a><a href="">z</a>',
  'to read: href="javascript:x" and 1 < 2',
  '<p title="javascript:x">href=javascript:x</p>',
  '<a href="myapp://open">x</a>',
  '<a href="unclosed',
  '<!-- <a href="javascript:x"> -->',
  '<!-- <a href="javascript:x">',
  '<style>a { content: "<" }</style>',
  "<",
  "",
])("leaves %s alone", (html) => {
  expect(withoutScriptLinks(html)).toBe(html);
});

test("takes time in proportion to the length, also for what is broken", () => {
  for (const piece of [
    "<a",
    '<a href="',
    "<a href='\"",
    '<a "',
    "<a =",
    "<a    ",
    "<a x   =   ",
    "<a href=x ",
    "<!--",
    "<!--x-->",
    "<!--->",
    "<!x",
    "<style>",
    "<style><a ",
    "<title></title>",
    "</style",
    "<svg>",
    "<!--".repeat(9) + "--!",
  ]) {
    expect(
      growsTooFast((size) => void withoutScriptLinks(piece + piece.slice(-1).repeat(size)), 100_000),
      piece,
    ).toBe(false);
    expect(
      growsTooFast((size) => void withoutScriptLinks(piece.repeat(size / piece.length)), 100_000),
      piece,
    ).toBe(false);
  }
});

test("a variable in a link cannot run anything", () => {
  const noise = fc.constantFrom("", " ", "\t", "\n", "\u0001");
  fc.assert(
    fc.property(fc.array(noise, { minLength: 11, maxLength: 11 }), fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }), (gaps, upper) => {
      const url = Array.from("javascript:", (letter, index) => `${gaps[index]}${upper[index] ? letter.toUpperCase() : letter}`).join("");
      const rendered = renderMail({ subject: "s", html: '<a href="{{ url }}alert(1)">x</a>' }, { variables: { url }, at: 0 });
      expect(rendered.ok && rendered.content.html).toBe('<a href="#">x</a>');
    }),
  );
});
