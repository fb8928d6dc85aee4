import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse as parseVars, secretsIn } from "../scripts/start/dev-vars.ts";
import {
  root,
  read,
  load,
  wrangler,
  manifest,
  queues,
  maxBatchMs,
  leaseMarginMs,
  contracts,
  maxBatchJobs,
  backstop,
  packs,
  sources,
} from "./support/pinned.ts";

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
    const { minRetentionDays } = await load<{ minRetentionDays: number }>("time/day");
    const { defaultRetention } = await load<{ defaultRetention: Record<string, number> }>("ledger/retention");
    expect(minRetentionDays).toBeGreaterThan(4);
    for (const days of Object.values(defaultRetention)) expect(days).toBeGreaterThanOrEqual(minRetentionDays);
  });

  test("the tick comes each minute, as its steps and the local driver expect", () => {
    expect(wrangler.triggers.crons).toEqual(["* * * * *"]);
    expect(read("scripts/start/cron.ts")).toContain("scheduled?cron=*+*+*+*+*");
    expect(read("src/intake/tick/tick.ts")).toContain("Math.floor(now / minuteMs)");
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

  test("the code uses none that is not set", () => {
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

  test("its date is one that the pinned runtime supports", () => {
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

  test("Valibot, whose `~run` the bounds of lists call, and htmlparser2, whose tokenizer reads the text of a mail, have one version", () => {
    expect([manifest.dependencies["valibot"], manifest.dependencies["htmlparser2"]]).toEqual(["1.5.0", "10.1.0"]);
  });

  test("LiquidJS, whose tags, context and filters the meter of a mail extends, is 10.30.1 exactly", () => {
    expect(manifest.dependencies["liquidjs"]).toBe("10.30.1");
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
