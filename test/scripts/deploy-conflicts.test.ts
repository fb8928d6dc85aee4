import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readConfiguration, wantedFrom } from "../../scripts/deploy/wanted.ts";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";

// What ends before anything is uploaded: no wrangler is started here.
const root = resolve(import.meta.dirname, "../..");

let deployer: Deployer;

beforeEach(async () => {
  deployer = await startDeployer();
});

afterEach(async () => {
  await deployer.close();
});

const usual = () => `deploy --host jobs.example.com --secrets-file ${deployer.secretsFile}`;

const ids = (report: { findings: { id: string; subject: string }[] }) => report.findings.map(({ id, subject }) => `${id} ${subject}`);

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
