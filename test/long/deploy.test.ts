import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { instantWrangler } from "../fake-cloudflare/instant-wrangler.ts";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";
import { accountId, apiToken, type Fault } from "../fake-cloudflare/server.ts";

const root = resolve(import.meta.dirname, "../..");
let deployer: Deployer;
// A folder for temporary files of its own: what a deploy leaves behind is looked for there.
const usualFolder = process.env["TMPDIR"];
beforeAll(() => {
  process.env["TMPDIR"] = mkdtempSync(join(tmpdir(), "jobyard-long-"));
});
afterAll(() => {
  rmSync(tmpdir(), { recursive: true, force: true });
  if (usualFolder === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = usualFolder;
});
beforeEach(async () => {
  deployer = await startDeployer();
});
afterEach(() => deployer.close());

const first = () => `deploy --host jobs.example.com --email-domain mail.example.com --secrets-file ${deployer.secretsFile}`;
const quick = (line: string) => deployer.run(line, {}, instantWrangler(deployer.fake.account));

/** Everything that a deploy leaves, without ids. */
function outcome({ fake: { account } }: Deployer) {
  const script = account.scripts.get("jobyard");
  return {
    databases: [...account.databases.keys()],
    migrations: account.database("jobyard")?.sqlite.prepare("SELECT name FROM d1_migrations ORDER BY id").all().length,
    namespaces: account.namespaces.map(({ title }) => title),
    buckets: [...account.buckets].toSorted(),
    queues: account.queues
      .map(
        ({ queue_name: name, consumers }) => `${name} ${consumers.map((each) => `${each.script} ${JSON.stringify(each.settings)} ${each.dead_letter_queue}`)}`,
      )
      .toSorted(),
    bindings: script?.bindings.map(({ type, name }) => `${type} ${name}`).toSorted(),
    secrets: [...(script?.secrets.keys() ?? [])],
    crons: script?.crons,
    rules: [...account.rules.values()].flat().flatMap(({ actions }) => actions),
    subscriptions: account.subscriptions.map(({ enabled, events }) => `${enabled} ${events.join(" ")}`),
  };
}

let clean: Promise<ReturnType<typeof outcome>> | undefined;

/** What one leaves when nothing goes wrong. */
async function cleanOutcome() {
  const other = await startDeployer();
  await other.run(first().replace(deployer.secretsFile, other.secretsFile), {}, instantWrangler(other.fake.account));
  const left = outcome(other);
  await other.close();
  return left;
}

/** Calls that a first deploy makes, as patterns of paths without ids. */
const kinds: readonly Fault["kind"][] = ["forbidden", "limited", "broken", "reset", "lost"];
const calls: readonly (readonly [Fault["method"], RegExp])[] = [
  ["GET", /^\/d1\/database\/jobyard$/],
  ["POST", /^\/d1\/database$/],
  ["GET", /^\/storage\/kv\/namespaces$/],
  ["POST", /^\/storage\/kv\/namespaces$/],
  ["GET", /^\/r2\/buckets\/jobyard-media$/],
  ["POST", /^\/r2\/buckets$/],
  ["GET", /^\/queues$/],
  ["POST", /^\/queues$/],
  ["GET", /^\/workers\/scripts\/jobyard\/settings$/],
  ["GET", /^\/workers\/scripts\/jobyard\/schedules$/],
  ["GET", /^\/event_notifications\//],
  ["PUT", /^\/event_notifications\//],
  ["GET", /^\/event_subscriptions\//],
  ["POST", /^\/event_subscriptions\//],
  ["GET", /^\/zones$/],
  ["POST", /^\/d1\/database\/[^/]+\/query$/],
];

describe("each single call of a first deploy that fails once", () => {
  test.each(calls.flatMap(([method, path]) => kinds.map((kind) => [kind, method, path] as const)))("%s %s %s", async (kind, method, path) => {
    deployer.fake.faults.push({ method, path, kind, times: 1 });
    const ran = await quick(first());
    // A missing permission ends the run, with its name; any other fault is retried within the run.
    expect([ran.code, ran.report.error]).toEqual(kind === "forbidden" ? [3, expect.stringContaining("Grant it:")] : [0, undefined]);
    expect(deployer.fake.faults[0]?.times, "the fault was met").toBe(0);
    const again = await quick(first());
    expect([again.code, again.report.error]).toEqual([0, undefined]);
    expect(outcome(deployer)).toEqual(await (clean ??= cleanOutcome()));
  });

  test.each(calls.filter(([method, path]) => method !== "GET" && !path.source.includes("query")))(
    "and for ever: %s %s leaves a run that can be repeated",
    async (method, path) => {
      for (const kind of ["forbidden", "broken", "reset"] as const) {
        deployer.fake.faults.splice(0, 1, { method, path, kind });
        const { code, report } = await quick(first());
        expect([kind, code]).toEqual([kind, kind === "forbidden" ? 3 : 4]);
        expect(report.steps.at(-1)?.state).toBe("failed");
        expect(report.error).toContain("Running it again is safe");
      }
      deployer.fake.faults.splice(0);
      expect((await quick(first())).code).toBe(0);
    },
  );
});

test("two first deploys at once make everything once", async () => {
  const both = await Promise.all([quick(first()), quick(first())]);
  expect(both.map(({ code, report }) => [code, report.error])).toEqual([
    [0, undefined],
    [0, undefined],
  ]);
  const { subscriptions, ...left } = outcome(deployer);
  const { subscriptions: _, ...wanted } = await (clean ??= cleanOutcome());
  expect(left).toEqual(wanted);
  expect(new Set(subscriptions).size).toBe(1);
});

describe("the real wrangler, while it uploads", () => {
  const upload: Fault["path"] = /^\/workers\/scripts\/jobyard\/versions$/;
  test.each([
    ["forbidden", "POST", upload, 3],
    ["reset", "POST", upload, 4],
    ["broken", "POST", upload, 4],
    ["lost", "POST", /^\/workers\/scripts\/jobyard\/deployments$/, 4],
    ["forbidden", "PUT", /^\/workers\/scripts\/jobyard\/schedules$/, 3],
    ["broken", "PUT", /^\/queues\/[^/]+\/consumers\//, 4],
    ["forbidden", "PUT", /^\/queues\/[^/]+\/consumers\//, 3],
  ] as const)("%s %s %s ends with the permission or a failed step; again it is done", async (kind, method, path, code) => {
    deployedAccount(deployer);
    deployer.fake.faults.push({ method, path, kind });
    const failed = await deployer.run(`deploy --secrets-file ${deployer.secretsFile}`);
    expect(failed.code, failed.report.error).toBe(code);
    expect(failed.report.steps.at(-1)).toEqual({ name: "worker jobyard", state: "failed" });
    for (const secret of Object.values(deployer.secrets)) expect(failed.text).not.toContain(secret);
    deployer.fake.faults.splice(0);
    const again = await deployer.run("deploy");
    expect([again.code, again.report.error]).toEqual([0, undefined]);
    expect(leftovers()).toEqual([]);
  });

  test("that was interrupted leaves no file with secrets behind", async () => {
    deployedAccount(deployer);
    deployer.fake.faults.push({ method: "POST", path: upload, kind: "silent" });
    const environment = {
      PATH: process.env["PATH"],
      TMPDIR: tmpdir(),
      HOME: deployer.folder,
      CLOUDFLARE_API_BASE_URL: deployer.fake.url,
      CLOUDFLARE_API_TOKEN: apiToken,
      CLOUDFLARE_ACCOUNT_ID: accountId,
    };
    const child = spawn(process.execPath, [resolve(root, "scripts/deploy.ts"), "--secrets-file", deployer.secretsFile, "--url", "http://127.0.0.1:9"], {
      cwd: root,
      env: environment,
      stdio: "ignore",
    });
    const ended = new Promise<number | null>((done) => child.once("exit", done));
    while (deployer.fake.faults[0]?.times !== -1) await new Promise((turn) => setTimeout(turn, 50));
    expect(leftovers()).toHaveLength(1);
    child.kill("SIGTERM");
    expect(await ended).toBe(4);
    expect(leftovers()).toEqual([]);
  });

  test("keeps crons of others without --prune, and deploys an environment beside production", async () => {
    deployedAccount(deployer);
    deployer.fake.account.scripts.get("jobyard")!.crons.push("0 0 * * *");
    const kept = await deployer.run("deploy");
    expect([kept.code, deployer.fake.account.scripts.get("jobyard")?.crons]).toEqual([0, ["* * * * *", "0 0 * * *"]]);
    const before = JSON.stringify(deployer.fake.account.scripts.get("jobyard")?.bindings);
    const staging = await deployer.run(`deploy --env staging --jurisdiction eu --host staging.example.com --secrets-file ${deployer.secretsFile}`);
    expect([staging.code, staging.report.error]).toEqual([0, undefined]);
    const { account } = deployer.fake;
    const names = Object.fromEntries(account.scripts.get("jobyard-staging")!.bindings.map((binding) => [binding.name, binding]));
    expect(names).toMatchObject({
      ENVIRONMENT: { text: "staging" },
      JURISDICTION: { text: "eu" },
      EVENTS: { queue_name: "events-staging" },
      MEDIA: { bucket_name: "jobyard-media-staging", jurisdiction: "eu" },
    });
    expect([account.databases.get("jobyard-staging")?.jurisdiction, account.queue("events-staging")?.jurisdiction]).toEqual(["eu", "eu"]);
    expect(account.queue("events-staging")?.consumers[0]).toMatchObject({ script: "jobyard-staging", dead_letter_queue: "dead-letters-staging" });
    expect(JSON.stringify(account.scripts.get("jobyard")?.bindings)).toBe(before);
    expect((await deployer.run("doctor --env staging --jurisdiction eu")).code).toBe(0);
    expect((await deployer.run("doctor --env staging")).code).toBe(1);
  });
});

function leftovers(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("jobyard-deploy-") && !name.startsWith("jobyard-deploy-test-"));
}
