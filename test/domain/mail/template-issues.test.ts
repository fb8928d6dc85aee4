import { describe, expect, test } from "vitest";
import { templateIssues } from "../../../src/domain/mail/model";

describe("templateIssues", () => {
  test("names part, line and column of each", () => {
    const issues = templateIssues({ subject: "{{ a", html: "<p>\n  {% if a %}", text: "fine {{ a }}" });
    expect(issues.map(({ path }) => path)).toEqual(["subject", "html"]);
    expect(issues[0]?.message).toMatch(/^line 1, column 1: .*not closed/);
    expect(issues[1]?.message).toMatch(/^line 2, column 3: .*not closed$/);
  });

  test("is content with a good template", () => {
    expect(templateIssues({ subject: "Hi {{ name }}", html: "{% for x in xs %}{{ x | escape }}{% endfor %}" })).toEqual([]);
  });
});
