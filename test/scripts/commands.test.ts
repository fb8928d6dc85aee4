import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../scripts/check/command.ts";
import { findProgram, type Part } from "../../scripts/check/programs.ts";
import { asLine, failedTests, tally } from "../../scripts/check/tally.ts";
import { domainNamesOf } from "../../scripts/new-domain/names.ts";
import { scaffoldDomain } from "../../scripts/new-domain/scaffold.ts";
import { withJob } from "../../scripts/new-job/list.ts";
import { namesOf, type Names } from "../../scripts/new-job/names.ts";
import { scaffold } from "../../scripts/new-job/scaffold.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "jobyard-commands-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("counting tests", () => {
  it("counts files that cannot be loaded, and runs that fail without a reason", () => {
    const report = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 1, numTodoTests: 1, testResults: [{ status: "failed", assertionResults: [] }] };
    expect(tally(JSON.stringify(report), false)).toEqual({ passed: 3, failed: 2, skipped: 2 });
    expect(tally(JSON.stringify({ numPassedTests: 3 }), false)).toEqual({ passed: 3, failed: 1, skipped: 0 });
    expect(tally(null, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(tally('{"numPassed', false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it("names what failed, with the first line of its error", () => {
    const assertionResults = [
      { fullName: "a story ends", status: "failed", failureMessages: ["Error: no answer\n    at x"] },
      { fullName: "another", status: "passed", failureMessages: [] },
    ];
    const testResults = [
      { name: "/p/a.test.ts", status: "failed", assertionResults },
      { name: "/p/b.test.ts", status: "failed", message: "cannot load\nmore", assertionResults: [] },
      { name: "/p/c.test.ts", status: "passed", assertionResults: [] },
    ];
    expect(failedTests(JSON.stringify({ testResults }))).toEqual([
      { file: "/p/a.test.ts", name: "a story ends", error: "Error: no answer" },
      { file: "/p/b.test.ts", name: "", error: "cannot load" },
    ]);
    expect(failedTests(null)).toEqual([]);
  });

  it("ends in one line", () => {
    expect(asLine({ passed: 12, failed: 0, skipped: 1 })).toBe("12 passed, 0 failed, 1 skipped");
  });
});

describe("programs", () => {
  const part: Part = { name: "a part", program: "Thing", folders: ["test/part"], places: ["/nowhere/thing", "thing"], variable: "THING_PATH" };

  it("are found on the PATH or where the variable says, if they can be run", () => {
    const file = join(root, "thing");
    expect(findProgram(part, { PATH: root })).toBeNull();
    writeFileSync(file, "");
    expect(findProgram(part, { PATH: root })).toBeNull();
    chmodSync(file, 0o755);
    expect(findProgram(part, { PATH: `/none:${root}` })).toBe(file);
    expect(findProgram(part, { PATH: "", THING_PATH: file })).toBe(file);
    expect(findProgram(part, { PATH: root, THING_PATH: "/nowhere/thing" })).toBeNull();
    expect(findProgram(part, {})).toBeNull();
  });
});

describe("running a command", () => {
  const node = (code: string, atMost = 120) => run([process.execPath, "-e", code], { cwd: root, atMost });

  it("tells how it went and what it said", async () => {
    expect(await node("console.log('out'); console.error('err')")).toMatchObject({ ok: true, output: "out\nerr" });
    expect(await node("process.exit(3)")).toMatchObject({ ok: false });
    expect(await run([join(root, "none")], { cwd: root, atMost: 1 })).toMatchObject({ ok: false, output: expect.stringContaining("ENOENT") });
  });

  it("ends what takes too long, and what that started", async () => {
    const child = "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }); setInterval(() => {}, 1000)";
    const { ok, output } = await node(child, 0.3);
    expect([ok, output]).toEqual([false, "It took longer than 0.3 s and was ended."]);
  });
});

describe("a new job", () => {
  const sync: Names = { type: "sync-orders", contract: "syncOrders", run: "runSyncOrders" };

  beforeEach(() => {
    mkdirSync(join(root, "src/jobs"), { recursive: true });
    writeFileSync(join(root, "wrangler.toml"), '[[queues.consumers]]\nqueue = "events"\n\n[[queues.consumers]]\nqueue = "dead-letters"\n');
    writeFileSync(join(root, "src/jobs/index.ts"), 'import { job } from "../queue/job";\n\nexport const jobs = [];\n');
  });

  it.each([undefined, "", "Sync", "sync_orders", "-sync", "sync-", "sync--orders", "../sync", "sync/orders", "a".repeat(64), "index"])(
    "refuses the name %j",
    (name) => {
      expect(scaffold(root, name, "events")).toEqual({ wrong: expect.any(String) });
      expect(existsSync(join(root, "test"))).toBe(false);
    },
  );

  it.each([
    ["sync-orders", sync],
    ["delete", { type: "delete", contract: "jobDelete", run: "runDelete" }],
    ["job", { type: "job", contract: "jobJob", run: "runJob" }],
    ["3d-image", { type: "3d-image", contract: "job3dImage", run: "run3dImage" }],
  ])("%s is called so in the code", (type, names) => {
    expect(namesOf(type)).toEqual(names);
  });

  it("is made, and not made twice", () => {
    expect(scaffold(root, "sync-orders", "events")).toEqual({
      files: ["src/jobs/sync-orders/job.ts", "src/jobs/sync-orders/run.ts", "test/jobs/sync-orders.test.ts", "src/jobs/index.ts"],
    });
    const list = readFileSync(join(root, "src/jobs/index.ts"), "utf8");
    expect(list).toContain("  job(syncOrders, runSyncOrders),\n]");
    expect(scaffold(root, "sync-orders", "events")).toEqual({
      wrong: "src/jobs/sync-orders exists already, and nothing was changed. Edit it, or choose another name.",
    });
    rmSync(join(root, "src/jobs/sync-orders"), { recursive: true });
    rmSync(join(root, "test"), { recursive: true });
    expect(scaffold(root, "sync-orders", "events")).toEqual({ wrong: 'src/jobs/index.ts names "sync-orders" already.' });
  });

  it("needs a queue that there is, and a list", () => {
    expect(scaffold(root, "sync-orders", "dead-letters")).toEqual({ wrong: 'There is no queue "dead-letters" in wrangler.toml; there are events.' });
    writeFileSync(join(root, "src/jobs/index.ts"), "export {};\n");
    expect(scaffold(root, "sync-orders", "events")).toEqual({ wrong: expect.stringContaining("has no list") });
    expect(existsSync(join(root, "src/jobs/sync-orders"))).toBe(false);
  });

  it.each([
    ["on one line", "export const jobs = [job(a, b), job(c, d)] as const;", "[job(a, b), job(c, d),\n  job(syncOrders, runSyncOrders),\n] as const;"],
    ["on several", "export const jobs: readonly Job[] = [\n  job(a, b),\n];", "[\n  job(a, b),\n  job(syncOrders, runSyncOrders),\n];"],
    ["with a comment behind the last", "export const jobs = [\n  job(a, b), // [sic]\n];", "[\n  job(a, b), // [sic]\n  job(syncOrders, runSyncOrders),\n];"],
    ["that is empty", "export const jobs = [\n];", "[\n  job(syncOrders, runSyncOrders),\n];"],
  ])("joins a list %s", (_what, list, end) => {
    const text = withJob(`import { job } from "../queue/job";\nimport {\n  a,\n} from "./a/job";\n\n${list}\n`, sync);
    expect(text).toContain('} from "./a/job";\nimport { syncOrders } from "./sync-orders/job";\nimport { runSyncOrders } from "./sync-orders/run";\n');
    expect(text?.endsWith(`${end}\n`)).toBe(true);
  });
});

describe("a new domain folder", () => {
  beforeEach(() => {
    mkdirSync(join(root, "migrations"));
    writeFileSync(join(root, "migrations/0041_before.sql"), "CREATE TABLE before (a TEXT);\n");
  });

  it("has the four files of the pattern, its test and the next migration; and is not made twice", () => {
    const folder = "src/domain/gift-cards";
    expect(scaffoldDomain(root, "gift-cards")).toEqual({
      files: [
        ...["model", "store", "queries", "capability"].map((name) => `${folder}/${name}.ts`),
        "test/domain/gift-cards/store.test.ts",
        "migrations/0042_gift-cards.sql",
      ],
    });
    expect(readFileSync(join(root, "migrations/0042_gift-cards.sql"), "utf8")).toContain("CREATE TABLE gift_cards (");
    expect(readFileSync(join(root, folder, "store.ts"), "utf8")).toContain("export function createGiftCardsStore(db: D1Database)");
    expect(scaffoldDomain(root, "gift-cards")).toEqual({ wrong: `${folder} exists already, and nothing was changed. Edit it, or choose another name.` });
    rmSync(join(root, "src"), { recursive: true });
    rmSync(join(root, "test"), { recursive: true });
    expect(scaffoldDomain(root, "gift-cards")).toEqual({ wrong: "migrations/0042_gift-cards.sql makes a table gift_cards already." });
  });

  it.each([[undefined], ["Vouchers"], ["../x"], ["a--b"], ["media"], ["glass"], ["classes"], ["x".repeat(41)]])("is not made for %j", (name) => {
    expect(scaffoldDomain(root, name)).toEqual({ wrong: expect.any(String) });
    expect(existsSync(join(root, "src"))).toBe(false);
  });

  it.each([
    ["vouchers", { plural: "vouchers", one: "Voucher", oneValue: "voucher", table: "vouchers" }],
    ["gift-cards", { plural: "giftCards", one: "GiftCard", oneValue: "giftCard", table: "gift_cards" }],
    ["categories", { plural: "categories", one: "Category", oneValue: "category", table: "categories" }],
    ["boxes", { plural: "boxes", one: "Box", oneValue: "box", table: "boxes" }],
  ])("of %s has these names", (folder, names) => {
    expect(domainNamesOf(folder)).toEqual({ folder, ...names });
  });
});
