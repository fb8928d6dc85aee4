import { existsSync, globSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { type Document, httpPage } from "../scripts/docs/http-page.ts";
import { root, read, load, type Contract, manifest, contracts, holds } from "./support/pinned.ts";

describe("what is written", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "STYLE.md",
    "CHANGELOG.md",
    ...globSync("docs/*.md", { cwd: root }).map((path) => path.replaceAll("\\", "/")),
  ];

  test.each(pages)("%s names only commands that there are", (page) => {
    const named = [...read(page).matchAll(/\bnpm run ([a-z][a-z-]*(?::[a-z-]+)*)/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });

  test.each(pages)("%s links to what is there", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? "");
    expect(links.filter((target) => !existsSync(resolve(root, page, "..", target)))).toEqual([]);
  });

  test.each(pages)("%s links to headings that there are", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)];
    const lost = links.filter(([, target = "", anchor = ""]) => !anchorsOf(target === "" ? page : join(page, "..", target)).includes(anchor));
    expect(lost.map(([link]) => link)).toEqual([]);
  });

  test.each(pages)("%s names only files of ours that there are", (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|scripts|migrations|docs)\/[\w./-]*\w\/?)`/g)].map(([, path]) => path ?? "");
    const ofTheScaffold = /publish-post/;
    // The fault model names tests from test/ on, those of scripts too.
    const isThere = (path: string) => existsSync(join(root, path)) || existsSync(join(root, "test", `${path}.test.ts`));
    expect(named.filter((path) => !ofTheScaffold.test(path) && !isThere(path))).toEqual([]);
  });

  test("the guide for contributors has every command", () => {
    for (const name of Object.keys(manifest.scripts)) expect(read("CONTRIBUTING.md")).toMatch(new RegExp(`npm (run )?${name}\\b`));
  });

  test("the README can be read in ten minutes, and links to every page of docs/ in some page", () => {
    expect(read("README.md").split(/\s+/).length).toBeLessThan(1500);
    const linked = pages.flatMap((page) => [...read(page).matchAll(/\]\((?:docs\/)?([\w-]+\.md)[)#]/g)].map(([, name]) => name));
    expect(pages.filter((page) => page.startsWith("docs/") && !linked.includes(page.slice("docs/".length)))).toEqual([]);
  });

  test("docs/http.md has every route: npm run docs:http writes it", async () => {
    const { routes } = await load<{ routes: unknown[] }>("intake/routes");
    const { openApi } = await load<{ openApi(table: unknown[], contracts: Contract[]): Document }>("intake/openapi");
    await expect(httpPage(openApi(routes, contracts))).toMatchFileSnapshot("../docs/http.md");
  });

  test("the operator's page has every metric, and no other", () => {
    const names = (text: string): string[] => [...new Set([...text.matchAll(/\bjobyard_[a-z_]+/g)].map(([name]) => name))].toSorted();
    expect(names(read("docs/operating.md"))).toEqual(names(read("src/intake/metrics.ts")));
  });

  test("the architecture names the tick's steps in their order", () => {
    const steps = [...read("src/app/tick.ts").matchAll(/\bname: "([a-z-]+)"/g)].map(([, name]) => name);
    expect(/tick: ([a-z ·-]+) ──/.exec(read("ARCHITECTURE.md"))?.[1]?.split(" · ")).toEqual(steps);
  });

  test("the architecture names every file of the engine", () => {
    const named = new Set([...read("ARCHITECTURE.md").matchAll(/`(?:[a-z-]+\/)*([a-z-]+)\.ts`/g)].map(([, name]) => name));
    const files = globSync("src/queue/**/*.ts", { cwd: root });
    expect(files.filter((file) => !named.has(basename(file, ".ts")))).toEqual([]);
  });

  test("the architecture's table of the ledger names each of its files once, and no other", () => {
    const table = /^\| the ledger's \|[^]*?\n\n/m.exec(read("ARCHITECTURE.md"))?.[0] ?? "";
    const named = [...table.matchAll(/`([a-z/-]+)\.ts`/g)].map(([, name]) => name);
    const files = globSync("**/*.ts", { cwd: join(root, "src/ledger") }).map((file) => file.replaceAll("\\", "/").replace(/\.ts$/, ""));
    expect(named.toSorted()).toEqual(files.toSorted());
  });

  test("retention is written as it is", async () => {
    const { defaultRetention: kept } = await load<{ defaultRetention: Record<"done" | "cancelled" | "discarded" | "dead" | "analytics", number> }>(
      "ledger/retention",
    );
    const page = read("docs/operating.md");
    expect([kept.cancelled, kept.discarded]).toEqual([kept.done, kept.dead]);
    expect(page).toContain(`| \`done\`, \`cancelled\` jobs | ${kept.done} days |`);
    expect(page).toContain(`| \`dead\`, \`discarded\` jobs | ${kept.dead} days |`);
    expect(page).toContain(`| counted events (\`analytics\`) | ${kept.analytics} days `);
  });

  test("the changelog's newest version is the package's", () => {
    expect(/^## \[([\d.]+)\]/m.exec(read("CHANGELOG.md"))?.[1]).toBe(manifest.version);
  });

  test("the fault model names only tests that there are", () => {
    const tables = read("docs/fault-model.md")
      .split("\n\n")
      .filter((block) => /^\|.*\| shown by \|\n/.test(block));
    const cells = tables.flatMap((table) => [...table.matchAll(/^\|.*\| ([^|]+) \|$/gm)]);
    const shown = cells.map(([, cell]) => cell ?? "").filter((cell) => cell !== "shown by" && cell !== "–");
    const wrong = shown.filter((cell) => {
      const named = [...cell.matchAll(/`([\w./-]+)`((?: [›·] \*[^*]+\*)*)/g)];
      return (
        named.length === 0 ||
        !named.every(([, file, titles]) =>
          holds(
            file ?? "",
            [...(titles ?? "").matchAll(/\*([^*]+)\*/g)].map(([, title]) => title ?? ""),
          ),
        )
      );
    });
    expect(shown.length).toBeGreaterThan(20);
    expect(wrong).toEqual([]);
  });

  test("the states of a job are those of its life's page", async () => {
    const { states } = await load<{ states: string[] }>("queue/state");
    const diagram = /```mermaid([\s\S]*?)```/.exec(read("docs/lifecycle.md"))?.[1] ?? "";
    const drawn = [...diagram.matchAll(/(\w+) --> (\w+)/g)].flatMap(([, from, to]) => [from ?? "", to ?? ""]);
    expect([...new Set(drawn)].toSorted()).toEqual(states.toSorted());
  });
});

describe("numbers that are written more than once", () => {
  const numbers: [page: string, sentence: RegExp, module: string, name: string, unit: number][] = [
    ["ARCHITECTURE.md", /batch's deadline \((\d+) minutes at most\)/, "queue/lease", "maxBatchMs", 60_000],
    ["docs/operating.md", /its policy's time-out, at most (\d+) minutes/, "queue/lease", "maxBatchMs", 60_000],
    ["docs/operating.md", /over (\d+) KB it goes to R2/, "queue/envelope", "maxInlineBytes", 1024],
    ["docs/fault-model.md", /R2, payload over (\d+) KB/, "queue/envelope", "maxInlineBytes", 1024],
    ["CHANGELOG.md", /payloads over (\d+) KB in R2/, "queue/envelope", "maxInlineBytes", 1024],
    ["docs/operating.md", /schedules per tenant \| (\d+)/, "tenants/bounds", "maxSchedules", 1],
    ["docs/operating.md", /projects · sites per tenant \| (\d+)/, "tenants/bounds", "maxProjects", 1],
    ["docs/operating.md", /projects · sites per tenant \| \d+ · (\d+)/, "tenants/bounds", "maxSites", 1],
    ["docs/operating.md", /mail templates per tenant \| (\d+)/, "tenants/bounds", "maxTemplates", 1],
    ["docs/operating.md", /each with its newest (\d+) versions/, "tenants/bounds", "maxTemplateVersions", 1],
    ["docs/operating.md", /subscriptions per tenant \| (\d+)/, "tenants/bounds", "maxDestinations", 1],
    ["docs/operating.md", /subscriptions per tenant \| \d+ · (\d+)/, "tenants/bounds", "maxSubscriptions", 1],
    ["docs/operating.md", /tokens per tenant \| (\d+)/, "tenants/bounds", "maxTokens", 1],
    ["docs/operating.md", /in days, at least (\d+)/, "time/day", "minRetentionDays", 1],
    ["docs/operating.md", /a gate \| (\d+) jobs inside/, "tenants/gate-state", "defaultConcurrency", 1],
    ["docs/operating.md", /doubling with each failed probe up to (ten) minutes/, "tenants/gate-breaker", "maxOpenMs", 60_000],
    ["docs/operating.md", /Other filters read up to ([\d,]+) jobs a page/, "ledger/job-rows", "maxWalked", 1],
    ["docs/scale.md", /(\d+) schedules a minute/, "domain/schedules/due", "maxSchedulesPerTick", 1],
    ["docs/lifecycle.md", /`due` reached \((\d+) s tolerance\)/, "queue/lease", "clockToleranceMs", 1000],
    ["docs/lifecycle.md", /rows older than (ten) minutes that have none/, "queue/placement", "sweepAfterMs", 60_000],
    ["docs/lifecycle.md", /or after (\d+) min × 2ⁿ/, "queue/placement", "sweepAfterMs", 60_000],
  ];
  const words: Record<string, number> = { ten: 10 };

  test.each(numbers)("%s, %s", async (page, sentence, module, name, unit) => {
    const figure = sentence.exec(read(page))?.[1];
    const value = (await load<Record<string, number>>(module))[name];
    expect(figure, `${page} has no such sentence`).toBeDefined();
    expect(words[figure ?? ""] ?? Number(figure?.replaceAll(",", ""))).toBe((value ?? Number.NaN) / unit);
  });
});

/** The names of a page's headings as GitHub links them. */
function anchorsOf(page: string): string[] {
  const headings = read(page)
    .replaceAll(/^```[^]*?^```/gm, "")
    .matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
