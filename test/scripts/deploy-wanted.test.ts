import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allPages, type Api, createApi } from "../../scripts/deploy/api.ts";
import { findingIds } from "../../scripts/deploy/finding.ts";
import { completed, idFindings, keptFrom } from "../../scripts/deploy/generate.ts";
import { migrationsIn, stage } from "../../scripts/deploy/migrations.ts";
import { readOptions, usage } from "../../scripts/deploy/options.ts";
import { weakness } from "../../scripts/deploy/secrets.ts";
import { nodeFinding } from "../../scripts/deploy/session.ts";
import { bindingNames, type Configuration, missingBindings, overlaid, readConfiguration, wantedFrom } from "../../scripts/deploy/wanted.ts";
import { sizeIssue } from "../../scripts/deploy/wrangler.ts";
import { ruleState, subscriptionState, uploads } from "../../scripts/deploy/wiring.ts";
import { freshSecrets } from "../../scripts/start/dev-vars.ts";

const root = resolve(import.meta.dirname, "../..");
const file = readConfiguration(root);
const plain = { jurisdiction: undefined, emailDomain: undefined, ai: false } as const;
const wanted = (env: string, of: Configuration = file) => wantedFrom(of, { ...plain, env });

describe("an environment", () => {
  test("has names of its own for everything that an account has once", () => {
    const [production, staging] = [wanted("production"), wanted("staging")];
    expect([production.worker, production.database.name, production.namespaces[0]?.title]).toEqual(["jobyard", "jobyard", "jobyard-config"]);
    expect([staging.worker, staging.database.name, staging.namespaces[0]?.title]).toEqual(["jobyard-staging", "jobyard-staging", "jobyard-config-staging"]);
    expect(staging.queues).toEqual(production.queues.map((name) => `${name}-staging`));
    expect(staging.consumers.find(({ queue }) => queue === "events-staging")?.dead_letter_queue).toBe("dead-letters-staging");
    expect(staging.buckets.map(({ name }) => name)).toEqual(["jobyard-payloads-staging", "jobyard-media-staging"]);
    expect(staging.configuration.vars).toEqual({ ENVIRONMENT: "staging" });
    expect(staging.configuration.analytics_engine_datasets?.[0]?.dataset).toBe("jobyard_staging");
    expect(bindingNames(staging.configuration)).toEqual(bindingNames(production.configuration));
  });

  test("shares no counters with production, and two of them none with each other", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).filter((each) => each !== "production");
    const idsOf = (env: string) => wanted(env).configuration.ratelimits?.map(({ namespace_id: id }) => id) ?? [];
    fc.assert(fc.property(name, (env) => idsOf(env).every((id) => /^[1-9]\d{0,9}$/.test(id) && !idsOf("production").includes(id))));
    expect(idsOf("staging").filter((id) => idsOf("preview").includes(id))).toEqual([]);
  });

  test("keeps names within what Cloudflare takes, whatever it is called", () => {
    const env = "x".repeat(30);
    expect("wrong" in readOptions(["--env", env])).toBe(false);
    for (const name of [...wanted(env).queues, ...wanted(env).buckets.map((each) => each.name)]) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/);
  });

  test("adds to lists and tables, and replaces anything else", () => {
    const more = { vars: { A: "2", B: "3" }, r2_buckets: [{ binding: "MEDIA", bucket_name: "other" }], ai: { binding: "AI" }, limits: { cpu_ms: 1 } };
    const top = { ...file, vars: { A: "1", C: "4" } };
    const merged = overlaid(top, more);
    expect(merged.vars).toEqual({ A: "2", B: "3", C: "4" });
    expect(merged.r2_buckets.map(({ binding, bucket_name: name }) => `${binding} ${name}`)).toEqual(["PAYLOADS jobyard-payloads", "MEDIA other"]);
    const consumer = { queue: "events", max_batch_size: 7 };
    const queued = overlaid(file, { queues: { consumers: [consumer] }, triggers: { crons: ["0 1 * * *"] }, name: "other" });
    expect(queued.queues.producers).toEqual(file.queues.producers);
    expect(queued.queues.consumers.filter(({ queue }) => queue === "events")).toEqual([consumer]);
    expect(queued.queues.consumers).toHaveLength(file.queues.consumers.length);
    expect([queued.triggers?.crons, queued.name]).toEqual([["* * * * *", "0 1 * * *"], "other"]);
    expect([merged.ai, merged["limits"]]).toEqual([{ binding: "AI" }, { cpu_ms: 1 }]);
    const both = { ...file, env: { production: { ai: { binding: "AI" } }, staging: {} } };
    expect(missingBindings(both, wanted("staging", both))).toEqual(["AI"]);
    expect(missingBindings(both, wantedFrom(both, { ...plain, env: "staging", ai: true }))).toEqual([]);
    expect(wanted("staging", both).siblings).toEqual(["jobyard"]);
    expect(wanted("production", both).siblings).toEqual(["jobyard-staging"]);
  });

  test("puts its jurisdiction where data is kept", () => {
    const { configuration } = wantedFrom(file, { ...plain, env: "production", jurisdiction: "eu" });
    expect(configuration.r2_buckets.map(({ jurisdiction }) => jurisdiction)).toEqual(["eu", "eu"]);
    expect(configuration.vars).toEqual({ JURISDICTION: "eu" });
  });
});

describe("what a deployed Worker was configured with", () => {
  const bindings = [
    { type: "plain_text", name: "OWN_HOSTS", text: "old.example.com" },
    { type: "plain_text", name: "LOCAL", text: "yes" },
    { type: "plain_text", name: "RELEASE", text: "x" },
    { type: "send_email", name: "EMAIL", allowed_sender_addresses: ["a@example.com"] },
    { type: "ai", name: "AI" },
  ];
  const kept = keptFrom({ worker: { bindings, secrets: [], crons: [], deployedAt: undefined, settings: {} } });
  const chosen = { wanted: wanted("production"), kept, hosts: [] as string[], variables: {} };

  test("is kept, but for what belongs to a developer's machine", () => {
    const { configuration } = completed(chosen);
    expect(configuration.vars).toEqual({ OWN_HOSTS: "old.example.com" });
    expect(configuration.send_email).toEqual([{ name: "EMAIL", allowed_sender_addresses: ["a@example.com"] }]);
    expect(configuration.ai).toEqual({ binding: "AI" });
  });

  test("gives way to what this run says", () => {
    expect(completed({ ...chosen, hosts: ["a.example.com", "b.example.com"] }).configuration.vars?.["OWN_HOSTS"]).toBe("a.example.com,b.example.com");
    expect(completed({ ...chosen, variables: { OWN_HOSTS: "c.example.com" } }).configuration.vars?.["OWN_HOSTS"]).toBe("c.example.com");
  });
});

test("wrangler.toml gives no ids; one that did would be found", () => {
  expect(idFindings(wanted("production"))).toEqual([]);
  const withId = { ...file, kv_namespaces: [{ binding: "CONFIG", id: "0".repeat(32) }] };
  expect(idFindings(wanted("production", withId))).toMatchObject([{ id: "binding-nil-id", severity: "error", subject: "CONFIG" }]);
});

describe("migrations", () => {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-migrations-"));
  mkdirSync(join(folder, "migrations"));
  for (const [name, text] of Object.entries({ "0001_a.sql": "-- Adds.\n", "0002_b.sql": "-- contract: drops what 0001 made\n", "0003_c.sql": "" }))
    writeFileSync(join(folder, "migrations", name), text);

  test("that take something away wait for --contract, but not on an empty database", () => {
    expect(migrationsIn(folder, [], false)).toEqual({ pending: ["0001_a.sql", "0002_b.sql", "0003_c.sql"], held: [], unknown: [] });
    expect(migrationsIn(folder, ["0001_a.sql", "0000_gone.sql"], false)).toEqual({ pending: ["0003_c.sql"], held: ["0002_b.sql"], unknown: ["0000_gone.sql"] });
    expect(migrationsIn(folder, ["0001_a.sql"], true)).toMatchObject({ pending: ["0002_b.sql", "0003_c.sql"], held: [] });
    stage(folder, join(folder, "staged"), ["0002_b.sql"]);
    expect(readdirSync(join(folder, "staged")).toSorted()).toEqual(["0001_a.sql", "0003_c.sql"]);
    rmSync(folder, { recursive: true });
  });
});

describe("rules and subscriptions", () => {
  const rule = (queueName: string, actions: string[], prefix = "") => ({ queueId: queueName, queueName, rules: [{ actions, prefix }] });

  test("a rule lacks what no rule of ours covers, and stands against those of others for the same actions", () => {
    expect(ruleState(undefined, "ours")).toEqual({ missing: uploads.actions, overlapping: [] });
    expect(ruleState({ queues: [rule("ours", uploads.actions)] }, "ours")).toEqual({ missing: [], overlapping: [] });
    expect(ruleState({ queues: [rule("ours", uploads.actions.slice(0, 3)), rule("other", ["PutObject"])] }, "ours")).toEqual({
      missing: uploads.actions.slice(3),
      overlapping: [],
    });
    expect(ruleState({ queues: [rule("ours", ["PutObject"], "a/")] }, "ours").overlapping).toEqual(['to ours for "a/…"']);
  });

  test("a subscription is that of the domain and the queue", () => {
    const one = {
      id: "1",
      enabled: true,
      events: ["email.sending.message.bounced"],
      source: { type: "email.sending", domain: "a.example" },
      destination: { queue_id: "q" },
    };
    expect(subscriptionState([one], "q", "b.example").found).toBeUndefined();
    expect(subscriptionState([one], "other", "a.example").found).toBeUndefined();
    expect(subscriptionState([one], "q", "a.example").missing).not.toContain("message.bounced");
  });
});

describe("the API's client", () => {
  test("reads every page, and ends where an API ignores the page or says no total", async () => {
    const items = Array.from({ length: 250 }, (_, index) => ({ id: String(index) }));
    const pages = (answer: (page: number) => object): Api => ({
      accountId: "a",
      callRoot: () => Promise.reject(new Error("not asked")),
      call: async (_, path) => answer(Number(/[?&]page=(\d+)/.exec(path)?.[1])) as never,
    });
    const slice = (page: number) => items.slice((page - 1) * 100, page * 100);
    const idOf = ({ id }: { id: string }) => id;
    expect(
      await allPages(
        pages((page) => ({ result: slice(page), result_info: { page, per_page: 100, total_count: 250 } })),
        "/x",
        idOf,
      ),
    ).toHaveLength(250);
    expect(
      await allPages(
        pages((page) => ({ result: slice(page) })),
        "/x",
        idOf,
      ),
    ).toHaveLength(250);
    expect(
      await allPages(
        pages(() => ({ result: items.slice(0, 100) })),
        "/x",
        idOf,
      ),
    ).toHaveLength(100);
    expect(
      await allPages(
        pages(() => ({ result: [] })),
        "/x",
        idOf,
      ),
    ).toEqual([]);
  });

  test("names method, path and reason of what failed, never the token or the query", async () => {
    const api = createApi({ baseUrl: "http://127.0.0.1:9/", token: "very-secret", accountId: "acc", pause: 1 });
    await expect(api.call("GET", "/queues?name=x")).rejects.toThrow(/^GET \/queues: no answer/);
    await expect(api.call("GET", "/queues?name=x")).rejects.not.toThrow("very-secret");
  });
});

test("a random secret may have a prefix that is a word; a word alone is no secret", () => {
  expect(weakness("ROOT_TOKEN", "secret_0f3a9c1b7d5e2846af90b1c2d3e4f5a6")).toBeUndefined();
  expect(weakness("ROOT_TOKEN", "correct-horse-battery-staple-secret-1")).toContain("is weak");
});

test("fresh secrets are never weak", () => {
  for (let round = 0; round < 200; round++) {
    for (const [name, value] of Object.entries(freshSecrets())) expect(weakness(name, value), name).toBeUndefined();
  }
});

test("every option is in the usage, and every finding and option in docs/deploy.md", () => {
  const docs = readFileSync(join(root, "docs/deploy.md"), "utf8");
  expect(findingIds.filter((id) => !docs.includes(`\`${id}\``))).toEqual([]);
  const options = new Set([...usage.matchAll(/--[a-z-]+/g)].map(([option]) => option));
  expect([...options].filter((option) => !docs.includes(option))).toEqual([]);
  expect("wrong" in readOptions(["--env", "staging", "--plan", "--json", "--prune", "--contract", "--ai", "--accept-broken-payloads"])).toBe(false);
});

test("an old Node is reported before anything else", () => {
  expect(nodeFinding("20.20.2")).toMatchObject([{ id: "node-too-old", severity: "error" }]);
  expect(nodeFinding(process.versions.node)).toEqual([]);
});

test("an uploaded script over a megabyte compressed is an error that says how large it is", () => {
  expect(sizeIssue(1024 * 1024)).toBeUndefined();
  expect(sizeIssue(1024 * 1024 + 1)).toContain("has 1,025 KiB compressed, 1,024 KiB are allowed");
});
