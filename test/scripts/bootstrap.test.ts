import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-expect-error plain JavaScript without types
import { reasonToInstall, remember } from "../../scripts/bootstrap.mjs";

const project = resolve(import.meta.dirname, "../..");
const reason = reasonToInstall as (root: string) => string | null;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "jobyard-bootstrap-"));
  lock({ "node_modules/a": { version: "1.0.0", integrity: "sha-a" }, "node_modules/other-platform": { version: "1.0.0", optional: true } });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("whether to install", () => {
  it("is needed without packages, and when the installation broke off", () => {
    expect(reason(root)).toBe("the packages are not installed yet");
    mkdirSync(join(root, "node_modules"));
    expect(reason(root)).toBe("the installation is not complete");
    putNode();
    expect(reason(root)).toBe("what is installed differs from the lockfile");
  });

  it("is needed when npm installed something else", () => {
    installed({ "node_modules/a": { version: "0.9.0", integrity: "sha-a" } });
    expect(reason(root)).toBe("what is installed differs from the lockfile");
  });

  it("is not needed after npm ci by hand; packages of other platforms may be missing", () => {
    installed({ "node_modules/a": { version: "1.0.0", integrity: "sha-a" } });
    expect(reason(root)).toBeNull();
  });

  it("is needed again when the lockfile changes", () => {
    installed({ "node_modules/a": { version: "1.0.0", integrity: "sha-a" } });
    (remember as (root: string) => void)(root);
    expect(reason(root)).toBeNull();
    lock({ "node_modules/a": { version: "1.0.1", integrity: "sha-b" } });
    expect(reason(root)).toBe("the lockfile has changed");
  });
});

describe("running a script", () => {
  beforeEach(() => {
    mkdirSync(join(root, "scripts"));
    execFileSync("cp", [join(project, "scripts/bootstrap.mjs"), join(root, "scripts")]);
    installed({ "node_modules/a": { version: "1.0.0", integrity: "sha-a" } });
    writeFileSync(join(root, "package.json"), '{"type": "module"}');
  });

  it("prints the usage above a script, unless the script lists its options itself", () => {
    writeFileSync(join(root, "plain.ts"), "// npm run plain: does it.\n// Twice.\nconsole.log('ran');");
    writeFileSync(join(root, "own.ts"), "// npm run own: --help lists the options.\nconsole.log('the options');");
    expect(bootstrap(["plain.ts", "--help"])).toMatchObject({ status: 0, stdout: "npm run plain: does it.\nTwice.\n" });
    expect(bootstrap(["own.ts", "--help"])).toMatchObject({ status: 0, stdout: "the options\n" });
  });

  it("hands on arguments, environment and exit code", () => {
    writeFileSync(join(root, "say.ts"), "const words: string[] = process.argv.slice(2); console.log(words.join('|'), process.env.WORD); process.exit(7);");
    const { status, stdout } = bootstrap(["say.ts", "a b", "--c"], { WORD: "hi" });
    expect([status, stdout.trim()]).toEqual([7, "a b|--c hi"]);
  });

  it("ends as a shell would when the script is killed", () => {
    writeFileSync(join(root, "die.ts"), "process.kill(process.pid, 'SIGKILL'); setTimeout(() => {}, 5000);");
    expect(bootstrap(["die.ts"]).status).toBe(137);
  });

  it("says how it is used", () => {
    const { status, stderr } = bootstrap([]);
    expect([status, stderr.trim()]).toEqual([2, "Usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENTS]"]);
  });

  function bootstrap(words: string[], more: Record<string, string> = {}) {
    return spawnSync(process.execPath, [join(root, "scripts/bootstrap.mjs"), ...words], { env: { PATH: process.env["PATH"], ...more }, encoding: "utf8" });
  }
});

function lock(packages: object): void {
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: { "": {}, ...packages } }));
}

function installed(packages: object): void {
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(join(root, "node_modules/.package-lock.json"), JSON.stringify({ packages }));
  putNode();
}

function putNode(): void {
  mkdirSync(join(root, "node_modules/.bin"), { recursive: true });
  symlinkSync(process.execPath, join(root, "node_modules/.bin/node"));
}
