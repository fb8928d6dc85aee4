import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountId, apiToken, type Fault } from "../fake-cloudflare/server.ts";
import { instantWrangler } from "../fake-cloudflare/instant-wrangler.ts";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";

let deployer: Deployer;

beforeEach(async () => {
  deployer = await startDeployer();
});

afterEach(async () => {
  await deployer.close();
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
  ])("%s", async (words, sentence) => {
    const { code, report, calls } = await deployer.run(`deploy ${words}`);
    expect([code, report.error, calls]).toEqual([2, expect.stringContaining(sentence), []]);
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
  ])("a secrets file with %j", async (more, sentence) => {
    writeFileSync(deployer.secretsFile, JSON.stringify({ ...deployer.secrets, ...more }));
    const { code, report, calls } = await deployer.run(usual());
    expect([code, report.error, calls]).toEqual([2, expect.stringContaining(sentence), []]);
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
