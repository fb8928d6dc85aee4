import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { type Document, httpPage } from "../scripts/docs/http-page.ts";
import { parse as parseVars, secretsIn } from "../scripts/start/dev-vars.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** By name only: the Worker's sources are checked with the runtime's types, which those of Node contradict. */
const load = async <Module>(path: string): Promise<Module> => (await import(/* @vite-ignore */ `../src/${path}.ts`)) as Module;

interface Consumer {
  queue: string;
  max_batch_size: number;
  max_batch_timeout: number;
  max_retries: number;
  retry_delay: number;
  dead_letter_queue?: string;
}

interface Wrangler {
  main: string;
  compatibility_date: string;
  compatibility_flags: string[];
  triggers: { crons: string[] };
  observability: { enabled: boolean; logs: { enabled: boolean; invocation_logs: boolean } };
  limits: { cpu_ms: number };
  d1_databases: { binding: string; migrations_dir: string }[];
  kv_namespaces: { binding: string }[];
  r2_buckets: { binding: string }[];
  images: { binding: string };
  version_metadata: { binding: string };
  analytics_engine_datasets: { binding: string }[];
  durable_objects: { bindings: { name: string; class_name: string }[] };
  migrations: { new_sqlite_classes?: string[] }[];
  secrets: { required: string[] };
  vars?: Record<string, unknown>;
  ratelimits: { name: string; namespace_id: string; simple: { limit: number; period: number } }[];
  queues: { producers: { binding: string; queue: string }[]; consumers: Consumer[] };
}

interface Contract {
  type: string;
  queues: string[];
  remote?: unknown;
  batch: boolean;
  policy: { maxAttempts: number; timeout: number; concurrency: number; pack: number; maxAge: number; backoff: { cap: number } };
}

const wrangler = parse(read("wrangler.toml")) as unknown as Wrangler;
const manifest = JSON.parse(read("package.json")) as Record<"scripts" | "dependencies" | "devDependencies", Record<string, string>> & { version: string };
const { queues } = await load<{ queues: Record<string, { binding: string; batchSize: number; batchTimeout: number }> }>("jobs/queues");
const { jobs } = await load<{ jobs: { contract: Contract }[] }>("jobs/index");
const { maxBatchMs, leaseMarginMs } = await load<{ maxBatchMs: number; leaseMarginMs: number }>("queue/lease");
const contracts = jobs.map(({ contract }) => contract);
const { maxBatchJobs } = await load<{ maxBatchJobs: number }>("queue/envelope");
const backstop = "dead-letters";
/** Each type that travels in packs, on each of its queues. */
const packs = contracts.filter(({ policy }) => policy.pack > 1).flatMap((contract) => contract.queues.map((queue) => ({ ...contract, queue })));
const sources = globSync("src/**/*.ts", { cwd: root }).map((path) => ({ path, text: read(path) }));

describe("queues", () => {
  test("those of wrangler.toml are those of the code, with the same bindings", () => {
    const configured = Object.fromEntries(wrangler.queues.producers.map(({ queue, binding }) => [queue, binding]));
    expect(configured).toEqual(Object.fromEntries(Object.entries(queues).map(([name, { binding }]) => [name, binding])));
    expect(wrangler.queues.producers).toHaveLength(Object.keys(queues).length);
  });

  test("each has one consumer, with the batch the code says", () => {
    const configured = wrangler.queues.consumers.map((each) => [each.queue, each.max_batch_size, each.max_batch_timeout]);
    expect(configured).toEqual(Object.entries(queues).map(([name, { batchSize, batchTimeout }]) => [name, batchSize, batchTimeout]));
  });

  test.each(wrangler.queues.consumers)("$queue stays within what the platform takes", (consumer) => {
    expect(consumer.max_batch_size).toBeLessThanOrEqual(100);
    expect(consumer.max_batch_timeout).toBeLessThanOrEqual(60);
    expect(consumer.retry_delay).toBeTypeOf("number");
  });

  test.each(wrangler.queues.consumers)("$queue leaves counting to the ledger, and its last resort is the backstop", (consumer) => {
    expect(consumer.max_retries).toBe(100);
    expect(consumer.dead_letter_queue).toBe(consumer.queue === backstop ? undefined : backstop);
  });

  test.each(contracts)("those that $type names exist", (contract) => {
    expect(contract.queues.filter((name) => !(name in queues) || name === backstop)).toEqual([]);
  });

  test.each(contracts)("the platform delivers $type more often than it may fail", ({ policy }) => {
    for (const { max_retries: retries } of wrangler.queues.consumers) expect(retries).toBeGreaterThanOrEqual(policy.maxAttempts);
  });

  test.each(Object.keys(queues))("a batch of %s has at most 250 jobs, however full its messages are", (queue) => {
    const largest = Math.max(1, ...packs.filter((each) => each.queue === queue).map(({ policy }) => policy.pack));
    expect((queues[queue]?.batchSize ?? Infinity) * largest).toBeLessThanOrEqual(maxBatchJobs);
    expect(maxBatchJobs).toBe(250);
  });

  test("there are types that travel in packs", () => {
    expect(packs.map(({ type }) => type)).toContain("analytics");
  });

  test("the backstop's name in index.ts is that of wrangler.toml", () => {
    expect(read("src/index.ts")).toContain(`if (queue === "${backstop}"`);
  });
});

describe("time", () => {
  test("a batch with its margin ends before the platform ends it, after 15 minutes", () => {
    expect(maxBatchMs + leaseMarginMs).toBeLessThan(15 * 60_000);
    expect(leaseMarginMs).toBeGreaterThan(0);
  });

  test.each(contracts.filter(({ remote }) => !remote))("a run of $type fits a batch", ({ policy }) => {
    expect(policy.timeout * 1000).toBeLessThanOrEqual(maxBatchMs);
  });

  test.each(packs)("a batch full of packs of $type on $queue fits a batch's time", ({ queue, batch, policy: { pack, timeout, concurrency } }) => {
    const rounds = batch ? 1 : ((queues[queue]?.batchSize ?? Infinity) * pack) / concurrency;
    expect(rounds * timeout * 1000).toBeLessThanOrEqual(maxBatchMs);
  });

  test("a flush, a poll of cancel flags and the clocks' tolerance fit the margin", async () => {
    const { clockToleranceMs } = await load<{ clockToleranceMs: number }>("queue/lease");
    const { flushEveryMs } = await load<{ flushEveryMs: number }>("queue/settler");
    expect(clockToleranceMs + flushEveryMs).toBeLessThan(leaseMarginMs);
  });

  test("an ended job outlives every message of it: four days is a queue's retention", async () => {
    const { minRetention, defaultRetention } = await load<{ minRetention: number; defaultRetention: Record<string, number> }>("ledger/retention");
    expect(minRetention).toBeGreaterThan(4);
    for (const days of Object.values(defaultRetention)) expect(days).toBeGreaterThanOrEqual(minRetention);
  });

  test("the tick comes each minute, as its steps and the local driver expect", () => {
    expect(wrangler.triggers.crons).toEqual(["* * * * *"]);
    expect(read("scripts/start/cron.ts")).toContain("scheduled?cron=*+*+*+*+*");
    expect(read("src/intake/tick/tick.ts")).toContain("Math.floor(now / 60_000)");
  });
});

describe("bindings", () => {
  const bound = [
    ...wrangler.d1_databases.map(({ binding }) => binding),
    ...wrangler.kv_namespaces.map(({ binding }) => binding),
    ...wrangler.r2_buckets.map(({ binding }) => binding),
    wrangler.images.binding,
    wrangler.version_metadata.binding,
    ...wrangler.analytics_engine_datasets.map(({ binding }) => binding),
    ...wrangler.durable_objects.bindings.map(({ name }) => name),
    ...wrangler.ratelimits.map(({ name }) => name),
    ...wrangler.queues.producers.map(({ binding }) => binding),
  ];
  /** Of src/env.ts: may be set, and wrangler.toml never does. */
  const variables = [...read("src/env.ts").matchAll(/^ {2}(\w+)\?: \w+;/gm)].map(([, name]) => name ?? "");
  const used = new Set(sources.flatMap(({ text }) => [...text.matchAll(/\benv\.([A-Z][A-Z0-9_]*)\b/g)].map(([, name]) => name ?? "")));

  test("the code uses none that nobody sets", () => {
    expect([...used].filter((name) => ![...bound, ...wrangler.secrets.required, ...variables].includes(name))).toEqual([]);
  });

  test("each that is set is used; queues by their table", () => {
    const byTable = Object.values(queues).map(({ binding }) => binding);
    expect([...bound, ...wrangler.secrets.required, ...variables].filter((name) => !used.has(name) && !byTable.includes(name))).toEqual([]);
  });

  test("every Durable Object is exported and has its migration", () => {
    const exported = read("src/index.ts");
    const migrated = wrangler.migrations.flatMap(({ new_sqlite_classes: classes }) => classes ?? []);
    const classes = wrangler.durable_objects.bindings.map(({ class_name: name }) => name);
    for (const name of classes) expect(exported).toMatch(new RegExp(`export \\{[^}]*\\b${name}\\b[^}]*\\} from`));
    expect(migrated.toSorted()).toEqual(classes.toSorted());
  });

  test("secrets are those that a local start makes", () => {
    const folder = mkdtempSync(join(tmpdir(), "jobyard-pins-"));
    expect(secretsIn(join(folder, "vars")).made).toEqual(wrangler.secrets.required);
    rmSync(folder, { recursive: true });
  });

  test("what browsers may post, and how often a subscriber may be refused, is limited by the minute", () => {
    expect(Object.fromEntries(wrangler.ratelimits.map(({ name, simple }) => [name, simple]))).toEqual({
      LEAD_RATE: { limit: 120, period: 60 },
      PROJECT_RATE: { limit: 1200, period: 60 },
      REFUSAL_RATE: { limit: 120, period: 60 },
    });
    expect(new Set(wrangler.ratelimits.map(({ namespace_id: id }) => id)).size).toBe(wrangler.ratelimits.length);
  });

  test("no secret and nothing of a developer's machine stands in wrangler.toml", () => {
    const set = Object.keys({ ...wrangler.vars, ...parseVars(read("wrangler.toml").replaceAll(/\[secrets\][^[]*\[[^\]]*\]/g, "")) });
    expect(wrangler.observability.logs).toEqual({ enabled: true, invocation_logs: false });
    expect(set.filter((name) => ["LOCAL", "BOOT_ID", "OWN_HOSTS", "PUBLIC_URL", "EMAIL_STUB", ...wrangler.secrets.required].includes(name))).toEqual([]);
  });
});

describe("the platform", () => {
  test("the Worker begins where wrangler.toml says", () => {
    expect(existsSync(join(root, wrangler.main))).toBe(true);
  });

  test("its date is one that the pinned runtime knows", () => {
    expect(wrangler.compatibility_date <= "2026-10-01").toBe(true);
  });

  test("a batch ends when its handler does, and may use five minutes of CPU", () => {
    expect(wrangler.compatibility_flags).toEqual(["queue_consumer_no_wait_for_wait_until", "enable_request_signal"]);
    expect(wrangler.limits.cpu_ms).toBe(300_000);
  });

  test("each migration has a number of its own", () => {
    const [{ migrations_dir: folder } = { migrations_dir: "" }] = wrangler.d1_databases;
    const names = readdirSync(join(root, folder)).toSorted();
    expect(new Set(names.map((name) => name.slice(0, 5))).size).toBe(names.length);
    expect(names.every((name) => /^\d{4}_[a-z-]+\.sql$/.test(name))).toBe(true);
  });
});

describe("the toolchain", () => {
  const verified = {
    node: "24.21.0",
    wrangler: "4.155.0",
    miniflare: "5.20261023.2-beta",
    vitest: "5.1.1",
    "@cloudflare/vitest-plugin": "1.4.10",
    typescript: "7.0.2",
    oxlint: "1.89.0",
    oxfmt: "0.75.0",
  };

  test.each(Object.entries(verified))("%s is %s, exactly", (name, version) => {
    expect(manifest.devDependencies[name]).toBe(version);
  });

  test("the runtime's types are of major version 5", () => {
    expect(manifest.devDependencies["@cloudflare/workers-types"]).toMatch(/^\^5\./);
  });

  test("the lockfile installs these", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, { version: string }> };
    const locked = Object.keys(verified).map((name) => [name, packages[`node_modules/${name}`]?.version]);
    expect(Object.fromEntries(locked)).toEqual(verified);
  });

  test("one runtime serves wrangler, miniflare and the tests", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, { version: string }> };
    const runtimes = Object.keys(packages).filter((path) => /(^|\/)node_modules\/workerd$/.test(path));
    expect(new Set(runtimes.map((path) => packages[path]?.version))).toEqual(new Set(["1.20261023.1"]));
  });

  test("what a job scaffolds and a check runs is in package.json", () => {
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(["start", "test", "check", "new-job", "format", "types"]));
  });
});

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
    ["docs/operating.md", /over (\d+) KB it goes to R2/, "queue/envelope", "inlineLimit", 1024],
    ["docs/fault-model.md", /R2, payload over (\d+) KB/, "queue/envelope", "inlineLimit", 1024],
    ["CHANGELOG.md", /payloads over (\d+) KB in R2/, "queue/envelope", "inlineLimit", 1024],
    ["docs/operating.md", /schedules per tenant \| (\d+)/, "tenants/bounds", "maxSchedules", 1],
    ["docs/operating.md", /projects · sites per tenant \| (\d+)/, "tenants/bounds", "maxProjects", 1],
    ["docs/operating.md", /projects · sites per tenant \| \d+ · (\d+)/, "tenants/bounds", "maxSites", 1],
    ["docs/operating.md", /mail templates per tenant \| (\d+)/, "tenants/bounds", "maxTemplates", 1],
    ["docs/operating.md", /each with its newest (\d+) versions/, "tenants/bounds", "maxTemplateVersions", 1],
    ["docs/operating.md", /subscriptions per tenant \| (\d+)/, "tenants/bounds", "maxDestinations", 1],
    ["docs/operating.md", /subscriptions per tenant \| \d+ · (\d+)/, "tenants/bounds", "maxSubscriptions", 1],
    ["docs/operating.md", /tokens per tenant \| (\d+)/, "tenants/bounds", "maxTokens", 1],
    ["docs/operating.md", /in days, at least (\d+)/, "ledger/retention", "minRetention", 1],
    ["docs/operating.md", /a gate \| (\d+) jobs inside/, "tenants/gate-state", "defaultConcurrency", 1],
    ["docs/operating.md", /doubling with each failed probe up to (ten) minutes/, "tenants/gate-breaker", "maxOpen", 60_000],
    ["docs/lifecycle.md", /`due` reached \((\d+) s tolerance\)/, "queue/lease", "clockToleranceMs", 1000],
    ["docs/lifecycle.md", /rows older than (ten) minutes that have none/, "queue/placement", "sweepAfterMs", 60_000],
    ["docs/lifecycle.md", /or after (\d+) min × 2ⁿ/, "queue/placement", "sweepAfterMs", 60_000],
  ];
  const words: Record<string, number> = { ten: 10 };

  test.each(numbers)("%s, %s", async (page, sentence, module, name, unit) => {
    const said = sentence.exec(read(page))?.[1];
    const value = (await load<Record<string, number>>(module))[name];
    expect(said, `${page} has no such sentence`).toBeDefined();
    expect(words[said ?? ""] ?? Number(said)).toBe((value ?? Number.NaN) / unit);
  });
});

/** Whether a test file has tests of these titles. */
function holds(file: string, titles: readonly string[]): boolean {
  const path = `test/${file}.test.ts`;
  return existsSync(join(root, path)) && titles.every((title) => read(path).includes(title));
}
