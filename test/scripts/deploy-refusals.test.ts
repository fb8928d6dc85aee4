import { readFileSync, statSync, writeFileSync } from "node:fs";
import { type Server } from "node:http";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readConfiguration, wantedFrom } from "../../scripts/deploy/wanted.ts";
import { accountId, apiToken, type Fault } from "../fake-cloudflare/server.ts";
import { instantWrangler } from "../fake-cloudflare/instant-wrangler.ts";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";

// What ends before anything is uploaded: no wrangler is started here.
const root = resolve(import.meta.dirname, "../..");

let deployer: Deployer;

const servers: Server[] = [];

beforeEach(async () => {
  deployer = await startDeployer();
});

afterEach(async () => {
  await deployer.close();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

const uploads = () => deployer.fake.calls.filter(({ method, path }) => method !== "GET" && path.startsWith("/workers/"));

const usual = () => `deploy --host jobs.example.com --secrets-file ${deployer.secretsFile}`;

const ids = (report: { findings: { id: string; subject: string }[] }) => report.findings.map(({ id, subject }) => `${id} ${subject}`);

describe("wrong use is 2, and asks nothing of the account", () => {
  test.each([
    ["--env Staging", "--env must be"],
    ["--env ../etc", "--env must be"],
    ["--env a_b", "--env must be"],
    ["--env -", "--env"],
    ["--env end-", "--env must be"],
    [`--env ${"x".repeat(31)}`, "--env must be"],
    ["--env ünïcode", "--env must be"],
    ["--env x;rm", "--env must be"],
    ["--jurisdiction mars", "--jurisdiction must be one of eu, us, fedramp"],
    ["--host https://jobs.example.com", "is no public host name"],
    ["--host localhost", "is no public host name"],
    ["--host 127.0.0.1", "is no public host name"],
    ["--host jobs.example.com:8787", "is no public host name"],
    ["--host jobs.example.com,", "is no public host name"],
    ["--email-domain example", "--email-domain must be a domain"],
    ["--url http://jobs.example.com", "--url must begin with https://"],
    ["--nonsense", "--nonsense"],
    ["stray", "stray"],
    ["--secrets-file a --make-secrets b", "not both"],
    ["--secrets-file /nowhere/secrets.json", "cannot be read"],
  ])("%s", async (words, said) => {
    const { code, report, calls } = await deployer.run(`deploy ${words}`);
    expect([code, report.error, calls]).toEqual([2, expect.stringContaining(said), []]);
  });

  test.each([
    [{ LOCAL: "yes" }, "LOCAL belongs to a developer's machine"],
    [{ BOOT_ID: "1" }, "BOOT_ID belongs"],
    [{ ROOT_TOKEN: "short" }, "ROOT_TOKEN is weak: it has 5 characters and needs 32"],
    [{ ROOT_TOKEN: "a".repeat(64) }, "ROOT_TOKEN is weak: it is not random"],
    [{ ROOT_TOKEN: "abcdefghijkl".repeat(4) }, "ROOT_TOKEN is weak"],
    [{ ROOT_TOKEN: "my-example-password-that-is-very-long-0123" }, "ROOT_TOKEN is weak"],
    [{ ROOT_TOKEN: "räther-long-but-not-of-plain-characters-at-all" }, "ROOT_TOKEN must be visible ASCII"],
    [{ ID_SECRET: "0123456789abcdef" }, "ID_SECRET is weak"],
    [{ SIGNING_KEYS: "s1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }, "SIGNING_KEYS is weak: one of its keys is not random"],
    [{ SIGNING_KEYS: "no-colon" }, "SIGNING_KEYS has no id"],
    [{ ENCRYPTION_KEYS: "e1:c2hvcnQ=" }, "shorter than 32 bytes"],
    [{ ENCRYPTION_KEYS: "e1:%%%" }, "no valid base64"],
    [{ OWN_HOSTS: "localhost" }, "is no public host name"],
    [{ NONSENSE: "x" }, '"NONSENSE" in the secrets file is no secret'],
  ])("a secrets file with %j", async (more, said) => {
    writeFileSync(deployer.secretsFile, JSON.stringify({ ...deployer.secrets, ...more }));
    const { code, report, calls } = await deployer.run(usual());
    expect([code, report.error, calls]).toEqual([2, expect.stringContaining(said), []]);
  });

  test("a secrets file that is no JSON object of texts, without a word of it", async () => {
    for (const text of ["ROOT_TOKEN=hidden-value", '["hidden-value"]', '{"ROOT_TOKEN": 5, "x": "hidden-value"}']) {
      writeFileSync(deployer.secretsFile, text);
      const ran = await deployer.run(usual());
      expect([ran.code, ran.report.error]).toEqual([2, expect.stringContaining("must be a JSON object of texts")]);
      expect(ran.text).not.toContain("hidden-value");
    }
  });

  test("LOCAL in the shell", async () => {
    expect((await deployer.run(usual(), { LOCAL: "yes" })).report.error).toContain("LOCAL belongs to a developer's machine");
  });

  test("fresh secrets are made once, for their owner alone", async () => {
    const file = join(deployer.folder, "fresh.json");
    const first = await deployer.run(`deploy --make-secrets ${file} --plan`);
    expect(first.code).toBe(1);
    expect(ids(first.report).filter((each) => each.startsWith("secret-missing"))).toEqual([]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const made = readFileSync(file, "utf8");
    expect(Object.keys(JSON.parse(made) as object)).toEqual(["ROOT_TOKEN", "ID_SECRET", "SIGNING_KEYS", "ENCRYPTION_KEYS"]);
    for (const secret of Object.values(JSON.parse(made) as Record<string, string>)) expect(first.text).not.toContain(secret);
    expect((await deployer.run(`deploy --make-secrets ${file}`)).report.error).toContain("is there already");
    expect(readFileSync(file, "utf8")).toBe(made);
  });
});

describe("what is missing is named before anything is made", () => {
  test("the own host, and secrets that neither the file nor the account has", async () => {
    const hostless = await deployer.run(`deploy --secrets-file ${deployer.secretsFile}`);
    expect([hostless.code, hostless.report.error, hostless.writes]).toEqual([2, expect.stringContaining("give --host"), []]);
    const { SIGNING_KEYS: _, ...others } = deployer.secrets;
    writeFileSync(deployer.secretsFile, JSON.stringify(others));
    const keyless = await deployer.run(usual());
    expect([keyless.code, keyless.report.error, keyless.writes]).toEqual([2, expect.stringContaining("Secrets are missing: SIGNING_KEYS."), []]);
  });

  test("the token", async () => {
    const { code, report, calls } = await deployer.run(usual(), { CLOUDFLARE_API_TOKEN: undefined });
    expect([code, report.error, calls]).toEqual([3, expect.stringContaining("There is no API token. Set CLOUDFLARE_API_TOKEN"), []]);
  });

  test("a token that is wrong; one in a file counts without its line's end", async () => {
    const wrong = await deployer.run(usual(), { CLOUDFLARE_API_TOKEN: "wrong" });
    expect([wrong.code, wrong.report.error]).toEqual([3, expect.stringContaining("The API token is not valid")]);
    const file = join(deployer.folder, "token");
    writeFileSync(file, `${apiToken}\n`);
    expect((await deployer.run(`deploy --plan --token-file ${file}`, { CLOUDFLARE_API_TOKEN: undefined })).report.error).toBeUndefined();
    expect((await deployer.run("doctor", { CLOUDFLARE_API_TOKEN: undefined, CLOUDFLARE_API_TOKEN_FILE: file })).report.error).toBeUndefined();
    expect((await deployer.run(`doctor --token-file ${file}x`)).report.error).toContain("cannot be read");
    writeFileSync(file, "two words");
    const garbled = await deployer.run(`doctor --token-file ${file}`);
    expect([garbled.code, garbled.text.includes("two words")]).toEqual([2, false]);
  });

  test("the account: a wrong one is suspected, the only one is found", async () => {
    const wrong = await deployer.run(usual(), { CLOUDFLARE_ACCOUNT_ID: "other" });
    expect([wrong.code, wrong.report.error]).toEqual([3, expect.stringContaining("is other the right CLOUDFLARE_ACCOUNT_ID?")]);
    expect((await deployer.run("deploy --plan", { CLOUDFLARE_ACCOUNT_ID: undefined })).report.error).toBeUndefined();
    expect((await deployer.run("deploy --plan", { CLOUDFLARE_ACCOUNT_ID: "../x" })).code).toBe(2);
    expect(accountId).toBe("acc");
  });

  test.each([
    ["d1", "Account · D1 · Edit"],
    ["kv", "Account · Workers KV Storage · Edit"],
    ["r2", "Account · Workers R2 Storage · Edit"],
    ["queues", "Account · Queues · Edit"],
    ["workers", "Account · Workers Scripts · Edit"],
  ] as const)("a permission: %s", async (grant, name) => {
    deployer.fake.grants.delete(grant);
    for (const line of [usual(), "doctor"]) {
      const { code, report, writes } = await deployer.run(line);
      expect([code, report.error, writes]).toEqual([3, expect.stringContaining(name), []]);
      expect(ids(report)).toEqual([`token-lacks ${name}`]);
      expect(report.error).toContain("Nothing was changed.");
    }
  });

  test("all of several permissions at once, those for mail too", async () => {
    deployedAccount(deployer);
    for (const grant of ["d1", "queues"] as const) deployer.fake.grants.delete(grant);
    expect(ids((await deployer.run(usual())).report)).toEqual(["token-lacks Account · D1 · Edit", "token-lacks Account · Queues · Edit"]);
    for (const grant of ["d1", "queues"] as const) deployer.fake.grants.add(grant);
    deployer.fake.grants.delete("subscriptions");
    expect((await deployer.run(`${usual()} --email-domain mail.example.com`)).report.error).toContain("Account · Email Sending · Edit");
    deployer.fake.grants.add("subscriptions").delete("zones");
    const zoneless = await deployer.run(`${usual()} --email-domain mail.example.com`);
    expect([zoneless.code, zoneless.report.error, zoneless.writes]).toEqual([3, expect.stringContaining("Zone · Zone · Read"), []]);
    deployer.fake.grants.add("zones");
    expect((await deployer.run(`${usual()} --email-domain mail.example.org`)).report.error).toContain("sees no zone of mail.example.org");
  });
});

describe("what a deploy cannot repair stops it with 1 before anything is made", () => {
  test("a queue that has a consumer of another Worker, or a pull consumer", async () => {
    const { account } = deployer.fake;
    for (const [queue, consumer, type] of [
      ["events", "another-worker", "worker"],
      ["email-bulk", "", "http_pull"],
    ] as const) {
      account.addQueue(queue);
      account.addConsumer(queue, consumer, type);
    }
    const { code, report, writes } = await deployer.run(usual());
    expect([code, writes, ids(report)]).toEqual([1, [], ["consumer-foreign email-bulk", "consumer-foreign events"]]);
    expect(report.findings[1]?.sentence).toContain('consumed by the Worker "another-worker"');
    expect(report.error).toBe("Nothing was changed.");
    const plan = await deployer.run(`${usual()} --plan`);
    expect([plan.code, plan.report.steps.filter(({ state }) => state === "failed").map(({ name }) => name)]).toEqual([
      1,
      ["consumer email-bulk", "consumer events"],
    ]);
    expect((await deployer.run(`${usual()} --prune`)).writes).toEqual([]);
    expect(account.queue("events")?.consumers).toHaveLength(1);
  });

  test("a database, queue or bucket of that name in another jurisdiction", async () => {
    const { account } = deployer.fake;
    account.addDatabase("jobyard", "eu");
    const forgotten = await deployer.run(usual());
    expect([forgotten.code, forgotten.writes, ids(forgotten.report)]).toEqual([1, [], ["jurisdiction-differs jobyard"]]);
    expect(forgotten.report.findings[0]?.sentence).toContain("Give --jurisdiction eu");
    account.addQueue("events");
    account.buckets.add("default/jobyard-media");
    const { code, writes, report } = await deployer.run(`${usual()} --jurisdiction eu`);
    expect([code, writes, ids(report)]).toEqual([1, [], ["jurisdiction-differs jobyard-media", "jurisdiction-differs events"]]);
  });

  test("a database or a Worker of that name that holds something else", async () => {
    const { account } = deployer.fake;
    account.addDatabase("jobyard");
    const { sqlite } = account.database("jobyard")!;
    expect((await deployer.run(`${usual()} --plan`)).report.findings.map(({ id }) => id)).not.toContain("database-foreign");
    sqlite.exec("CREATE TABLE customers (id INTEGER)");
    account.addScript("jobyard", { bindings: [{ type: "plain_text", name: "GREETING", text: "hello" }] });
    const { code, writes, report } = await deployer.run(usual());
    expect([code, writes, ids(report)]).toEqual([1, [], ["database-foreign jobyard", "worker-foreign jobyard"]]);
    sqlite.exec("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO d1_migrations (name) VALUES ('0001_customers.sql')");
    expect(ids((await deployer.run(usual())).report)).toEqual(["database-foreign jobyard", "worker-foreign jobyard"]);
    expect(sqlite.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()).toHaveLength(2);
  });

  test("a rule of the bucket that overlaps", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    const [[key] = [""]] = [...account.rules];
    account.addQueue("thumbnails-of-another");
    account.rules.delete(key);
    account.rules.set(`jobyard-media ${account.queue("thumbnails-of-another")?.queue_id}`, [
      { ruleId: "x", prefix: "a/", suffix: ".jpg", actions: ["PutObject"] },
    ]);
    const { code, writes, report } = await deployer.run(usual());
    expect([code, writes, ids(report)]).toEqual([1, [], ["rule-overlap jobyard-media"]]);
    expect(report.findings[0]?.sentence).toContain('to thumbnails-of-another for "a/….jpg"');
  });

  test("counters that another environment's Worker would share", async () => {
    const { account } = deployer.fake;
    account.addScript("jobyard", { bindings: [{ type: "ratelimit", name: "LEAD_RATE", namespace_id: "1001" }] });
    expect(ids((await deployer.run("deploy --plan --env staging")).report)).not.toContain("ratelimit-shared LEAD_RATE");
    const [shifted] =
      wantedFrom(readConfiguration(root), { env: "staging", jurisdiction: undefined, emailDomain: undefined, ai: false }).configuration.ratelimits ?? [];
    account.addScript("jobyard", { bindings: [{ type: "ratelimit", name: "ANY", namespace_id: shifted?.namespace_id }] });
    const { code, writes, report } = await deployer.run(`${usual()} --env staging`);
    expect([code, writes, ids(report)]).toEqual([1, [], ["ratelimit-shared LEAD_RATE"]]);
  });
});

describe("calls that fail", () => {
  const fault = (kind: Fault["kind"], times?: number): Fault => ({ method: "GET", path: /^\/queues$/, kind, ...(times === undefined ? {} : { times }) });

  test.each(["limited", "broken", "reset"] as const)("%s once are repeated, for ever are 4 and change nothing", async (kind) => {
    deployedAccount(deployer);
    deployer.fake.faults.push(fault(kind, 1));
    expect((await deployer.run("doctor")).report.error).toBeUndefined();
    deployer.fake.faults.splice(0, 1, fault(kind));
    const { code, report, writes } = await deployer.run(usual());
    expect([code, report.error, writes]).toEqual([4, expect.stringContaining("GET /queues"), []]);
    expect(report.error).toContain("Nothing was changed.");
    expect(uploads()).toEqual([]);
  });
});

test("a check that cannot be made after the upload is 4, and says that the upload is done", async () => {
  deployedAccount(deployer);
  const { account, faults } = deployer.fake;
  const createWrangler = () => {
    const { migrate, upload } = instantWrangler(account)();
    const broken: Fault = { method: "GET", path: /^\/queues$/, kind: "forbidden" };
    return { migrate, upload: (...given: Parameters<typeof upload>) => (faults.push(broken), upload(...given)) };
  };
  const { code, report } = await deployer.run(usual(), {}, createWrangler);
  expect([code, report.steps.at(-1)]).toEqual([3, { name: "doctor", state: "failed" }]);
  expect(report.error).toContain("It stopped at: doctor. Done before: worker jobyard.");
});
