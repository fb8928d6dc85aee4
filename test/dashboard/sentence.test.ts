import { renderToString } from "preact-render-to-string";
import { expect, test } from "vitest";
import { Sentence } from "../../src/dashboard/parts/time";

test("a time in a sentence becomes a time of the page", () => {
  const html = renderToString(Sentence({ text: "paused until 2026-11-27T08:00:00Z" }));
  expect(html).toContain('datetime="2026-11-27T08:00:00Z"');
});

test.each(["2026-13-45T99:99:99Z", "2026-02-30T24:61:00Z"])("what only looks like a time stays text: %s", (text) => {
  expect(renderToString(Sentence({ text: `paused until ${text}` }))).toBe(`paused until ${text}`);
});
