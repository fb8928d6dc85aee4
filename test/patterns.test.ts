import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseSync } from "rolldown/utils";
import { analyse } from "scslre";
import { describe, expect, test } from "vitest";

/*
 * A pattern whose time grows faster than the text it runs over lets one request stop the Worker. Such a pattern can often be made linear by a
 * look-behind at its start, `(?<!=)=+$` for `=+$`, or by characters on its two sides that cannot be the same.
 */

const src = resolve(import.meta.dirname, "../src");

interface Found {
  file: string;
  line: number;
  source: string;
  flags: string;
}

describe("the check of patterns", () => {
  test.each(["^[^@]+@[^@]+\\.[^@]+$", "=+$", "(a+)+$", "\\s*<[^>]*>$"])("finds that %s is not linear", (source) => {
    expect(isLinear({ source, flags: "" })).toBe(false);
  });

  test.each(["^[a-z0-9-]{1,63}$", "^[^@.]+(?:\\.[^@.]+)+$", "(?<!=)=+$"])("takes %s", (source) => expect(isLinear({ source, flags: "" })).toBe(true));
});

test("every pattern of the Worker is linear", () => {
  const patterns = globSync("**/*.{ts,tsx}", { cwd: src })
    .filter((file) => !file.endsWith(".d.ts"))
    .flatMap(patternsOf);
  expect(patterns.length).toBeGreaterThan(200);
  const slow = patterns.filter((found) => !isLinear(found)).map(({ file, line, source, flags }) => `${file}:${line} /${source}/${flags}`);
  expect(slow).toEqual([]);
});

function isLinear({ source, flags }: Pick<Found, "source" | "flags">): boolean {
  return analyse({ source, flags }).reports.length === 0;
}

/** The literals of a file. What is put together at run time is for its own tests. */
function patternsOf(file: string): Found[] {
  const text = readFileSync(join(src, file), "utf8");
  const { program } = parseSync(file, text);
  return literalsIn(program).map(({ start, regex }) => ({
    file,
    line: text.slice(0, start).split("\n").length,
    source: regex.pattern,
    flags: regex.flags,
  }));
}

interface RegExpLiteral {
  start: number;
  regex: { pattern: string; flags: string };
}

function literalsIn(node: unknown): RegExpLiteral[] {
  if (typeof node !== "object" || node === null) return [];
  if (isLiteral(node)) return [node];
  return Object.values(node).flatMap(literalsIn);
}

function isLiteral(node: object): node is RegExpLiteral {
  return "type" in node && node.type === "Literal" && "regex" in node && typeof node.regex === "object" && node.regex !== null;
}
