import * as fc from "fast-check";
import { expect, test } from "vitest";
import { textFromHtml } from "../../../src/domain/mail/text";
import { growsTooFast } from "../../support/growth";

test.each([
  ["<p>Dear <b>Ada</b>,</p><p>see you &amp; yours&nbsp;soon.</p>", "Dear Ada,\n\nsee you & yours soon.\n"],
  ["one<br>two<br><br>three", "one\ntwo\n\nthree\n"],
  ["<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter\n"],
  ["<table><tr><td>Tea</td><td>2 €</td></tr><tr><td>Milk</td><td>1 €</td></tr></table>", "Tea 2 €\nMilk 1 €\n"],
  ['<a href="https://shop.example/o?a=1&amp;b=2">Your order</a> is ready', "Your order (https://shop.example/o?a=1&b=2) is ready\n"],
  ['<a href="https://shop.example/">https://shop.example/</a> <a href="mailto:a@b.example">a@b.example</a>', "https://shop.example/ a@b.example\n"],
  ['<a href="javascript:x">here</a><a href="#top">top</a>', "heretop\n"],
  ['<img src="x.png" alt="A red vase"><img src="y.png">', "A red vase\n"],
  ["<head><title>T</title><style>a { b: c }</style></head><body>seen<script>x()</script><!-- not --></body>", "seen\n"],
  ["<h1>Hello</h1>\n\n  <div>  a \n b  </div><div>c</div>", "Hello\n\na b\nc\n"],
  ["plain < text & more", "plain < text & more\n"],
  ["", "\n"],
])("%j is %j", (html, text) => {
  expect(textFromHtml(html)).toBe(text);
});

test("whatever the html is, nothing is thrown", () => {
  const piece = fc.constantFrom(
    "<p>",
    "</p>",
    "<a href='https://x.example/'>",
    "</a>",
    "text",
    " ",
    "&lt;",
    "&#x",
    "<style>",
    "</style>",
    "<!--",
    "-->",
    "<td",
    '="',
    ">",
    "<br/>",
    "😀",
    "\ud800",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => typeof textFromHtml(pieces.join("")) === "string"));
});

test.each([
  "<div>",
  "<p>x",
  "<b>",
  "<ul><li>x",
  "<a href='https://x.example/'>x</a>",
  "<a href='https://x.example/'>x",
  "&amp;",
  "<!--",
  "<style>",
  "a ",
  "\n",
  "<td>",
  '<a b="',
])("%s many times takes time in proportion", (piece) => {
  expect(growsTooFast((size) => void textFromHtml(piece.repeat(size / piece.length)), 60_000)).toBe(false);
});
