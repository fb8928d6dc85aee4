import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployer, startDeployer } from "../fake-cloudflare/run.ts";

// The real wrangler against a fake of Cloudflare's API. Its parts follow each other; each start of wrangler takes seconds.
let deployer: Deployer;
beforeAll(async () => {
  deployer = await startDeployer();
});
afterAll(() => deployer.close());

const withMail = "--email-domain mail.example.com";
const ours = (name: string) => deployer.fake.account.scripts.get(name);

describe("a first deploy", () => {
  test("that is planned changes nothing and names all that would be made", async () => {
    const { code, report, writes } = await deployer.run("deploy --plan");
    expect([code, writes]).toEqual([1, []]);
    const names = report.steps.filter(({ state }) => state === "create").map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["d1 jobyard", "kv jobyard-config", "r2 jobyard-media", "queue dead-letters", "worker jobyard", "cron * * * * *"]),
    );
    expect(report.findings.map(({ id }) => id)).toEqual(expect.arrayContaining(["host-missing", "secret-missing", "worker-missing"]));
  });

  test("that fails midway says how far it came", async () => {
    deployer.fake.faults.push({ method: "POST", path: /^\/r2\/buckets$/, kind: "forbidden", times: 1 });
    const { code, report } = await deployer.run(`deploy --host jobs.example.com --secrets-file ${deployer.secretsFile} ${withMail}`);
    expect(code).toBe(3);
    expect(report.error).toContain("Account · Workers R2 Storage · Edit");
    expect(report.error).toContain("Done before: d1 jobyard, migrations, kv jobyard-config.");
    expect(report.steps.at(-1)).toEqual({ name: "r2", state: "failed" });
    expect(report.findings).toMatchObject([{ id: "token-lacks" }]);
    expect(ours("jobyard")).toBeUndefined();
    expect(deployer.fake.account.database("jobyard")?.sqlite.prepare("SELECT count(*) AS n FROM jobs").get()).toEqual({ n: 0 });
  });

  test("is finished by running it again, and adopts what the first try made", async () => {
    const { code, report, writes } = await deployer.run(`deploy --host jobs.example.com --secrets-file ${deployer.secretsFile} ${withMail}`);
    expect(report.error).toBeUndefined();
    expect(code).toBe(0);
    expect(report.steps.filter(({ state }) => state === "same").map(({ name }) => name)).toEqual(["d1 jobyard", "migrations", "kv jobyard-config"]);
    expect(writes.filter((line) => line.startsWith("POST /queues 200"))).toHaveLength(13);
    expect(report.version_id).toBe(ours("jobyard")?.deployments[0]?.id);
    expect(report.findings.map(({ id }) => id)).toEqual(["do-update-pending"]);
  });

  test("leaves the account as the configuration has it", () => {
    const { account } = deployer.fake;
    const script = ours("jobyard")!;
    expect([...script.secrets.entries()].toSorted()).toEqual(Object.entries(deployer.secrets).toSorted());
    expect(script.crons).toEqual(["* * * * *"]);
    const bindings = Object.fromEntries(script.bindings.map((binding) => [binding.name, binding]));
    expect(bindings["DB"]).toMatchObject({ id: account.database("jobyard")?.uuid });
    expect(bindings["CONFIG"]).toMatchObject({ namespace_id: account.namespaces[0]?.id });
    expect(Object.keys(bindings)).toEqual(expect.arrayContaining(["GATE", "IMAGES", "ANALYTICS", "MEDIA", "PAYLOADS", "EMAIL", "DEAD_LETTERS", "LEAD_RATE"]));
    expect(bindings["OWN_HOSTS"]).toMatchObject({ text: "jobs.example.com" });
    expect(Object.keys(bindings)).not.toContain("LOCAL");
    for (const { queue_name: name, consumers } of account.queues) expect([name, consumers.map(({ script: owner }) => owner)]).toEqual([name, ["jobyard"]]);
    expect(account.queue("email-bulk")?.consumers[0]).toMatchObject({
      dead_letter_queue: "dead-letters",
      settings: { batch_size: 100, max_retries: 100, max_wait_time_ms: 5000, retry_delay: 5 },
    });
    const [[key, [rule] = []] = []] = [...account.rules];
    expect(key).toBe(`jobyard-media ${account.queue("media-uploads")?.queue_id}`);
    expect(rule?.actions).toEqual(["PutObject", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "LifecycleDeletion"]);
    expect(account.subscriptions).toMatchObject([
      {
        enabled: true,
        source: { type: "email.sending", zone_id: "zone-1", domain: "mail.example.com" },
        destination: { queue_id: account.queue("mail-events")?.queue_id },
      },
    ]);
  });

  test("is in agreement for the plan and for the doctor", async () => {
    for (const line of [`deploy --plan ${withMail}`, "doctor", `doctor ${withMail}`]) {
      const { code, report, writes } = await deployer.run(line);
      expect([line, code, writes, report.findings.map(({ id }) => id)]).toEqual([line, 0, [], ["do-update-pending"]]);
      expect(report.steps.filter(({ state }) => state !== "same")).toEqual([]);
    }
  });
});

describe("a later deploy", () => {
  test("without options makes nothing, keeps the options of the first, and prunes consumers and crons of ours alone", async () => {
    const { account } = deployer.fake;
    account.addQueue("orders-of-another");
    account.addConsumer("orders-of-another", "another-worker");
    account.addQueue("retired");
    account.addConsumer("retired", "jobyard");
    ours("jobyard")!.crons.push("0 0 * * *");
    const before = await deployer.run("doctor");
    expect([before.code, before.report.findings.map(({ id, subject }) => `${id} ${subject}`)]).toEqual([
      1,
      ["consumer-extra retired", "cron-extra 0 0 * * *", "do-update-pending jobyard"],
    ]);
    const { code, report, writes } = await deployer.run("deploy --prune");
    expect([code, report.error]).toEqual([0, undefined]);
    const usual =
      /^(?:POST \/workers\/scripts\/jobyard\/(?:versions|deployments|subdomain)|PATCH \/workers\/scripts\/jobyard\/script-settings|PUT \/workers\/scripts\/jobyard(?:\/schedules)?|PUT \/queues\/\w+\/consumers\/\w+) 200$/;
    const retired = account.queue("retired")!;
    expect(writes.filter((line) => !usual.test(line))).toEqual([expect.stringMatching(new RegExp(`^DELETE /queues/${retired.queue_id}/consumers/\\w+ 200$`))]);
    expect(retired.consumers).toEqual([]);
    expect(account.queue("orders-of-another")?.consumers).toHaveLength(1);
    expect(ours("jobyard")?.crons).toEqual(["* * * * *"]);
    const names = ours("jobyard")!.bindings.map(({ name, text }) => (text === undefined ? name : `${name}=${String(text)}`));
    expect(names).toEqual(expect.arrayContaining(["EMAIL", "OWN_HOSTS=jobs.example.com"]));
    expect(ours("jobyard")?.secrets.size).toBe(4);
  });

  test("prints no secret and no token, whatever it does", async () => {
    const file = join(deployer.folder, "weak.json");
    writeFileSync(file, JSON.stringify({ ...deployer.secrets, ROOT_TOKEN: "too-short-to-be-true" }));
    const { code, text } = await deployer.run(`deploy --secrets-file ${file}`);
    expect([code, text]).toEqual([2, expect.stringContaining("ROOT_TOKEN is weak")]);
    expect(text).not.toContain("too-short-to-be-true");
    const generated = readFileSync(join(deployer.folder, "generated", "wrangler.production.json"), "utf8");
    for (const secret of Object.values(deployer.secrets)) expect(generated).not.toContain(secret);
  });
});
