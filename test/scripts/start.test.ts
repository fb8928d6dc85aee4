import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setUpDemo } from "../../scripts/start/demo.ts";
import { parse, secretsIn } from "../../scripts/start/dev-vars.ts";
import { planOf } from "../../scripts/start/migrate.ts";
import { outputTo } from "../../scripts/start/output.ts";
import { readSettings } from "../../scripts/start/settings.ts";
import { ownState } from "../../scripts/start/state-owner.ts";
import { freePort } from "../way/support/ports.ts";

const project = resolve(import.meta.dirname, "../..");

let folder: string;

const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jobyard-start-"));
});

afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

describe("the environment", () => {
  it.each([
    [{ PORT: "http" }, 'PORT must be a number from 1 to 65535, not "http".'],
    [{ PORT: "0" }, 'PORT must be a number from 1 to 65535, not "0".'],
    [{ SANDBOX_PORT: "65536" }, 'SANDBOX_PORT must be a number from 1 to 65535, not "65536".'],
    [{ PORT: "8788" }, "PORT and SANDBOX_PORT are both 8788; the Worker and the sandbox need one each."],
    [{ ROOT_TOKEN: "short" }, "ROOT_TOKEN must be 16 to 512 visible ASCII characters without spaces."],
  ])("%j is refused", (environment, wrong) => {
    expect(readSettings(environment, "/project")).toEqual({ wrong });
  });

  it("has defaults, also for what is empty", () => {
    const usual = { port: 8787, sandboxPort: 8788, stateDir: "/project/.wrangler/state", rootToken: undefined, verbose: false, watch: true };
    expect(readSettings({}, "/project")).toEqual(usual);
    expect(readSettings({ PORT: "", SANDBOX_PORT: "", STATE_DIR: "", ROOT_TOKEN: "", VERBOSE: "" }, "/project")).toEqual(usual);
  });

  it("is honoured", () => {
    const environment = { PORT: "1", SANDBOX_PORT: "2", STATE_DIR: "/tmp/state", ROOT_TOKEN: "0123456789abcdef", VERBOSE: "1" };
    expect(readSettings(environment, "/project")).toEqual({
      port: 1,
      sandboxPort: 2,
      stateDir: "/tmp/state",
      rootToken: "0123456789abcdef",
      verbose: true,
      watch: true,
    });
  });

  it.each(["PORT", "SANDBOX_PORT"])("ends with a sentence when %s is in use, before anything is started", async (name) => {
    const port = await listening();
    const stateDir = join(folder, "state");
    const environment = { ...process.env, PORT: String(await freePort()), SANDBOX_PORT: String(await freePort()), STATE_DIR: stateDir, [name]: String(port) };
    const { status, stderr } = spawnSync(process.execPath, ["scripts/start.ts"], { cwd: project, env: environment, encoding: "utf8" });
    expect(stderr).toContain(`Port ${port} is in use. Set ${name} to a free one`);
    expect(status).toBe(1);
    expect(existsSync(stateDir)).toBe(false);
  });
});

describe("the state folder", () => {
  const owned = (pid: number, port: number) => writeFileSync(join(folder, "owner.json"), JSON.stringify({ pid, port }));

  it("of a start that still runs is refused, and stays its own", async () => {
    const port = await listening();
    owned(process.ppid, port);
    const wrong = `${folder} is in use by the npm start at http://127.0.0.1:${port} (process ${process.ppid}). End it, or set STATE_DIR to another folder.`;
    expect(await ownState(folder, 8787)).toBe(wrong);
    expect(readFileSync(join(folder, "owner.json"), "utf8")).toBe(JSON.stringify({ pid: process.ppid, port }));
  });

  it.each([
    ["whose process has ended", async () => owned(2 ** 22 + 1, await listening())],
    ["whose id another process has got", async () => owned(process.ppid, 59_997)],
    ["which died while it wrote", async () => writeFileSync(join(folder, "owner.json"), '{"pid":')],
    ["which never was", async () => undefined],
  ])("of a start %s is taken", async (_, prepare) => {
    await prepare();
    expect(await ownState(folder, 8787)).toBeNull();
    expect(JSON.parse(readFileSync(join(folder, "owner.json"), "utf8"))).toEqual({ pid: process.pid, port: 8787 });
  });
});

describe(".dev.vars", () => {
  it("is made once, readable by its owner only", () => {
    const file = join(folder, ".dev.vars");
    const first = secretsIn(file);
    expect(first.made).toEqual(["ROOT_TOKEN", "ID_SECRET", "SIGNING_KEYS", "ENCRYPTION_KEYS"]);
    expect(first.secrets.SIGNING_KEYS).toMatch(/^s1:[A-Za-z0-9+/]{43}=$/);
    expect(first.secrets.ENCRYPTION_KEYS).toMatch(/^e1:[A-Za-z0-9+/]{43}=$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(secretsIn(file)).toEqual({ secrets: first.secrets, made: [] });
    expect(readdirSync(folder)).toEqual([".dev.vars"]);
  });

  it("keeps what is there and adds what is missing", () => {
    const file = join(folder, ".dev.vars");
    writeFileSync(file, '# mine\nROOT_TOKEN="my token"\nOTHER=1', { mode: 0o644 });
    const { secrets, made } = secretsIn(file);
    expect(secrets.ROOT_TOKEN).toBe("my token");
    expect(made).toEqual(["ID_SECRET", "SIGNING_KEYS", "ENCRYPTION_KEYS"]);
    expect(readFileSync(file, "utf8")).toMatch(/^# mine\nROOT_TOKEN="my token"\nOTHER=1\nID_SECRET=/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("is read as wrangler reads it", () => {
    expect(parse("A=1\r\nexport B = 'two # words' # why\n#C=3\nD=x # y\nE=\nnonsense\nF=a=b==")).toEqual({
      A: "1",
      B: "two # words",
      D: "x",
      E: "",
      F: "a=b==",
    });
  });
});

describe("migrations", () => {
  it("are applied when new, and named when they changed", () => {
    expect(planOf({ "1.sql": "a", "2.sql": "b" }, { "1.sql": "a" })).toEqual({ missing: ["2.sql"], changed: [] });
    expect(planOf({ "1.sql": "x" }, { "1.sql": "a", "0.sql": "gone" })).toEqual({ missing: [], changed: ["1.sql"] });
    expect(planOf({ "1.sql": "a" }, {})).toEqual({ missing: ["1.sql"], changed: [] });
  });
});

describe("what is shown", () => {
  const shown = (verbose: boolean): string[] => {
    const lines: string[] = [];
    const output = outputTo((line) => lines.push(line), verbose);
    output.line("[wrangler:info] GET /healthz 200 OK", false);
    output.line("\u001b[31m✘ [ERROR] Could not resolve x\u001b[0m", true);
    output.line("", true);
    output.log("info", '{"level":"info","event":"done"}');
    output.log("log", '{"level":"error","event":"failed"}');
    return lines;
  };

  it("is what went wrong", () => {
    expect(shown(false)).toEqual(["wrangler: ✘ [ERROR] Could not resolve x", 'worker: {"level":"error","event":"failed"}']);
  });

  it("is a job's failure in a line that names its tenant, and how often it came again", () => {
    vi.useFakeTimers();
    const lines: string[] = [];
    const output = outputTo((line) => lines.push(line), false);
    const settled = (state: string) =>
      JSON.stringify({ level: "warn", event: "settled", tenant: "demo", id: "1", type: "email", state, reason: "mail: the connection failed" });
    for (let n = 0; n < 4; n++) {
      output.log("error", "e = rust/worker/ffi.rs:110: failed to lookup address\nstack: workerd@26b6840; wdErrId = x");
      output.log("warn", settled("retrying"));
    }
    output.log("warn", settled("waiting"));
    expect(lines).toEqual(["demo: email retrying: mail: the connection failed"]);
    vi.advanceTimersByTime(10_000);
    expect(lines.slice(1)).toEqual(["demo: email retrying: mail: the connection failed (3× more)"]);
    vi.useRealTimers();
  });

  it("is a trouble of the Worker in a line that names its tenant and place", () => {
    const lines: string[] = [];
    const output = outputTo((line) => lines.push(line), false);
    const trouble = (more: object) => output.log("error", JSON.stringify({ level: "error", event: "trouble", ...more, trace: "0af7" }));
    trouble({ where: "connection mail (resend)", reason: "paused: mail: 401", tenant: "demo" });
    trouble({ where: "tick retention", reason: "D1 is away" });
    expect(lines).toEqual(["demo: connection mail (resend): paused: mail: 401", "worker: tick retention: D1 is away"]);
  });

  it("is everything on demand", () => {
    expect(shown(true)).toHaveLength(5);
  });
});

describe("the tenant demo", () => {
  it("keeps its token as long as it works, and follows the sandbox", async () => {
    const requests: string[] = [];
    let tokens = 0;
    let works = true;
    const port = await listening((path, body) => {
      requests.push(`${path} ${body}`);
      if (path.startsWith("GET /v1/jobs")) return works ? [200, {}] : [401, {}];
      if (path.endsWith("/tokens")) return [201, { id: "t", token: `jy_${++tokens}` }];
      return path.includes("/v1/sites") ? [404, { code: "not-found" }] : [200, {}];
    });
    const demo = { url: `http://127.0.0.1:${port}`, sandboxUrl: "http://127.0.0.1:1", rootToken: "root", stateDir: folder };
    const first = await setUpDemo(demo);
    expect(first).toEqual({ token: "jy_1", troubles: ['PUT /v1/sites/demo-shop answered 404: {"code":"not-found"}'] });
    expect((await setUpDemo({ ...demo, sandboxUrl: "http://127.0.0.1:2" })).token).toBe("jy_1");
    expect(requests.filter((each) => each.startsWith("PUT /v1/connections/mail")).at(-1)).toContain('"baseUrl":"http://127.0.0.1:2/mail"');
    works = false;
    expect((await setUpDemo(demo)).token).toBe("jy_2");
    expect(statSync(join(folder, "demo-token")).mode & 0o777).toBe(0o600);
  });

  it("says what the Worker answered when it cannot be made", async () => {
    const port = await listening(() => [500, { code: "internal" }]);
    const demo = { url: `http://127.0.0.1:${port}`, sandboxUrl: "", rootToken: "root", stateDir: folder };
    await expect(setUpDemo(demo)).rejects.toThrow('PUT /v1/tenants/demo answered 500: {"code":"internal"}');
  });
});

/** A server on a free port with these answers. */
async function listening(answer: (path: string, body: string) => [status: number, body: object] = () => [200, {}]): Promise<number> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [status, body] = answer(`${request.method} ${request.url}`, Buffer.concat(chunks).toString());
      response.writeHead(status, { connection: "close" }).end(JSON.stringify(body));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}
