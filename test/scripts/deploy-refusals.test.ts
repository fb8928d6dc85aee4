import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
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

describe("what a deploy cannot mend stops it with 1 before anything is made", () => {
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

describe("the doctor finds what is not as it should be", () => {
  test("in queues, crons, secrets, bindings, migrations and wiring, each under its name", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    const script = account.scripts.get("jobyard")!;
    expect(ids((await deployer.run("doctor")).report)).toEqual(["worker-outdated jobyard"]);
    account.queue("events")!.settings.delivery_paused = true;
    account.queue("email-bulk")!.settings.message_retention_period = 1_209_600;
    account.queue("deliveries")!.consumers[0]!.settings["batch_size"] = 99;
    account.queue("lead-submissions")!.consumers = [];
    account.queue("image-processing")!.queue_name = "somewhere-else";
    script.crons = ["5 5 * * *"];
    script.secrets.delete("ID_SECRET");
    script.bindings = [
      ...script.bindings.filter(({ name }) => !["GATE", "DB", "OWN_HOSTS"].includes(name)),
      { type: "d1", name: "DB", id: "00000000-0000-0000-0000-000000000000" },
    ];
    script.bindings.push({ type: "plain_text", name: "LOCAL", text: "yes" });
    script.deployments[0]!.created_on = new Date().toISOString();
    account.rules.clear();
    const { sqlite } = account.database("jobyard")!;
    sqlite.exec("DELETE FROM d1_migrations WHERE name = '0020_template-layouts.sql'; INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')");
    const { code, report } = await deployer.run("doctor");
    expect(code).toBe(1);
    expect(ids(report).toSorted()).toEqual(
      [
        ...[
          "queue-paused events",
          "queue-setting email-bulk",
          "queue-setting deliveries",
          "consumer-missing lead-submissions",
          "queue-missing image-processing",
        ],
        ...[
          "consumer-extra somewhere-else",
          "cron-missing * * * * *",
          "cron-extra 5 5 * * *",
          "secret-missing ID_SECRET",
          "binding-missing GATE",
          "binding-nil-id DB",
        ],
        ...["host-missing OWN_HOSTS", "local-set LOCAL", "do-update-pending jobyard", "rule-missing jobyard-media", "worker-outdated jobyard"],
        ...["migration-pending 0020_template-layouts.sql", "migration-unknown 9999_later.sql"],
      ].toSorted(),
    );
  });

  test("mail without its events, and an event subscription that is off or lacks some", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    account.scripts.get("jobyard")!.bindings.push({ type: "send_email", name: "EMAIL" });
    expect(ids((await deployer.run("doctor")).report)).toContain("subscription-missing mail-events");
    const source = { type: "email.sending", zone_id: "zone-1", domain: "mail.example.com" };
    const destination = { type: "queues.queue", queue_id: account.queue("mail-events")!.queue_id };
    account.subscriptions.push({ id: "s", name: "s", enabled: false, events: ["message.delivered"], source, destination });
    expect((await deployer.run("doctor")).report.findings.find(({ id }) => id === "subscription-missing")?.sentence).toContain("is off");
    const events = ["delivered", "deferred", "bounced", "failed", "rejected", "complained"].map((event) => `cf.email.sending.message.${event}`);
    Object.assign(account.subscriptions[0]!, { enabled: true, events });
    expect(ids((await deployer.run("doctor")).report)).toEqual(["worker-outdated jobyard"]);
  });

  test("nothing of the secrets in its shell", async () => {
    deployedAccount(deployer);
    expect((await deployer.run("doctor", { ROOT_TOKEN: "weak", LOCAL: "yes" })).report.error).toBeUndefined();
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

describe("stored payloads", () => {
  const running = async (answers: Record<string, unknown>, seen: string[] = []) => {
    const server = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`);
      const answer = answers[request.url ?? ""];
      response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? {}));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `--url http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  const good = { version: 1, state: "queued", payload: { to: "ada@example.com", templateId: "welcome" } };
  const bad = { version: 1, state: "waiting", payload: { to: "very-personal", templateId: "welcome", secretField: 1 } };
  const sample = (type: string, samples: unknown[]) => ({ [`/v1/types/${type}/sample`]: { type, version: 1, samples } });

  test("that would not fit stop a deploy, told by counts and paths and nothing of what they hold", async () => {
    deployedAccount(deployer);
    const seen: string[] = [];
    const url = await running(
      {
        "/v1/types": { types: [{ type: "email" }, { type: "gone" }] },
        ...sample("email", [good, good, bad, { ...bad, version: 7 }]),
        ...sample("gone", [{ ...good, state: "dead" }]),
      },
      seen,
    );
    const { code, report, text, writes } = await deployer.run(`${usual()} ${url}`);
    expect([code, writes]).toEqual([1, []]);
    expect(report.findings.map(({ id, severity, sentence }) => `${id} ${severity} ${sentence}`)).toEqual([
      expect.stringMatching(/^payload-breaks error email version 1: 1 of 3 open payloads would not fit: .*payload\.to/),
      expect.stringMatching(/^payload-breaks error email version 7: 1 of 1 open payloads would not fit: version 7 cannot be read/),
    ]);
    expect(text).not.toContain("very-personal");
    expect(text).not.toContain(deployer.secrets.ROOT_TOKEN);
    expect(seen).toContain(`/v1/types/email/sample Bearer ${deployer.secrets.ROOT_TOKEN}`);
    expect(report.notes.join("\n")).toContain("--accept-broken-payloads");
    const plan = await deployer.run(`${usual()} ${url} --plan`);
    expect(plan.report.findings.filter(({ id }) => id === "payload-breaks").map(({ severity, subject }) => `${severity} ${subject}`)).toEqual([
      "error email",
      "error email",
      "warning gone",
    ]);
  });

  test("that all fit are counted; a Worker that cannot be asked stops nothing", async () => {
    deployedAccount(deployer);
    const fine = await deployer.run(`${usual()} --plan ${await running({ "/v1/types": { types: [] }, ...sample("email", [good]) })}`);
    expect(fine.report.notes).toEqual(["Payloads: 1 stored ones of 1 types tried against the new contracts: all fit."]);
    const silent = await deployer.run(`${usual()} --plan --url http://127.0.0.1:9`);
    expect(silent.report.notes).toEqual([expect.stringContaining("Payloads were not tried: http://127.0.0.1:9 does not answer")]);
    const earlier = await deployer.run(`${usual()} --plan ${await running({ "/v1/types": { types: [{ type: "email" }] } })}`);
    expect(earlier.report.notes).toEqual(["Payloads were not tried: the version that runs does not hand out samples."]);
    const unasked = await deployer.run("deploy --plan");
    expect(unasked.report.notes).toEqual(["Payloads were not tried: ROOT_TOKEN is not given."]);
  });
});
