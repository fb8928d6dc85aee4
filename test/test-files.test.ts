import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root } from "./support/pinned.ts";
import { matchesOf } from "./support/sources.ts";

test("no file of the tests and scripts is longer than 250 lines: a noun is hiding in it", () => {
  const files = globSync("{test,scripts,clients}/**/*.{ts,tsx,mjs,js}", { cwd: root, exclude: (path) => /(?:^|\/)(?:node_modules|fixtures)$/.test(path) });
  expect(files.length).toBeGreaterThan(700);
  const long = files.map((file) => ({ file, lines: read(file).trimEnd().split("\n").length })).filter(({ lines }) => lines > 250);
  expect(long).toEqual([]);
});

test("the files that the runner begins first are there", () => {
  const list = /const longestFirst = (\[[^]*?\n\])/.exec(read("vitest.config.ts"))?.[1] ?? "";
  const names = [...list.matchAll(/"([a-z0-9/-]+)"/g)].map(([, name]) => `test/${name}.test.ts`);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});

describe("tests look at jobs as operators do", () => {
  const looksInside =
    /\.row\(|\bSELECT\b[^;"`]*\bFROM\s+(?:jobs|effects|history|dead_letters|entities|arrivals|due|due_by_tenant|parked|parked_gates|pauses)\b/g;
  /** What tests share serves those of the ledger too. */
  const mayLook = /^(?:ledger|queue|support)\//;
  /** They seed a million jobs, look for what an erasure has left, or for what a killed Worker has. */
  const readers = [
    "app/growth.test.ts",
    "domain/erasure/rows.ts",
    "long/deploy-wrangler.test.ts",
    "long/inside/time.test.ts",
    "long/lead-outages.test.ts",
    "long/operators.test.ts",
    "long/remote.test.ts",
    "long/shops.test.ts",
    "long/time.test.ts",
    "way/gate.test.ts",
    "way/images.test.ts",
    "way/intake.test.ts",
    "way/mail.test.ts",
    "way/outage.test.ts",
    "way/remote.test.ts",
    "way/support/until.ts",
  ];

  test("columns of the ledger are read in test/ledger and test/queue; elsewhere a query of the Worker is asked", () => {
    const others = globSync("**/*.{ts,tsx}", { cwd: import.meta.dirname }).filter((file) => !mayLook.test(file) && file !== "test-files.test.ts");
    const looking = others.filter((file) => matchesOf(file, readFileSync(join(import.meta.dirname, file), "utf8"), looksInside).length > 0);
    expect(looking.toSorted()).toEqual(readers);
  });
});

test("a module beside the test files registers no hooks when it is loaded: it is loaded once for all files of a runtime", () => {
  const beside = globSync("**/*.ts", { cwd: import.meta.dirname }).filter((file) => !file.endsWith(".test.ts") && file !== join("support", "anew.ts"));
  const found = beside.filter((file) => /^(?:before|after)(?:Each|All)\(/m.test(readFileSync(join(import.meta.dirname, file), "utf8")));
  expect(found).toEqual([]);
});

describe("no test fails by chance, or because the machine is busy", () => {
  const sources = globSync("**/*.ts", { cwd: import.meta.dirname }).map((file) => [file, readFileSync(join(import.meta.dirname, file), "utf8")] as const);
  const found = (pattern: RegExp) => sources.flatMap(([file, text]) => matchesOf(file, text, pattern));

  test("a test has no time limit of its own: those of vitest.config.ts and of until() end only what hangs", () => {
    expect(found(/^\s*\}, \d+_000\);$/gm)).toEqual([]);
    expect(found(/\buntil(?:Job)?\([^;]*, \d{1,2}\);$/gm)).toEqual([]);
    expect(found(/AbortSignal\.timeout\((?:\d_)?\d{1,4}\)/g)).toEqual([]);
  });

  test("none expects an end within some time", () => {
    expect(found(/\bnow\(\) - \w+\)\.toBeLess/g)).toEqual([]);
  });

  test("what is drawn is drawn by a seed", () => {
    expect(found(/Math\.random\(/g).filter((each) => !each.startsWith(join("way", "worker")))).toEqual([]);
  });
});
