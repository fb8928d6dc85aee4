import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonIn, withoutThinking } from "../../src/json/json-in";

const wrappings: ((json: string) => string)[] = [
  (json) => json,
  (json) => `\uFEFF  ${json}\n`,
  (json) => `\`\`\`json\n${json}\n\`\`\``,
  (json) => `<think>\nIs {this} it?\n</think>\n${json}`,
  (json) => `<thinking>a</thinking><reasoning>b</reasoning>\`\`\`\n${json}\n\`\`\``,
];

test("an object is found in every wrapping, and is the object", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(object, fc.constantFrom(...wrappings), (value, wrap) => {
      expect(jsonIn(wrap(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

describe("no JSON is no value", () => {
  test.each(["", "Sure!", "{", "}{", "```json\n{\n```", "{ a: 1 }", "{} {}"])("%s", (text) => {
    expect(jsonIn(text)).toBeUndefined();
  });
});

test("a closing tag inside JSON is part of it", () => {
  const value = { summary: "They wrote </think> in the form." };
  expect(jsonIn(JSON.stringify(value))).toEqual(value);
  expect(withoutThinking(JSON.stringify(value))).toBe(JSON.stringify(value));
});
