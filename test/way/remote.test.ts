import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Api } from "./support/api.ts";
import { root } from "./support/config.ts";
import { startWay, type Way } from "./support/harness.ts";
import { Outside, RemoteWorker, workToken } from "./support/remote.ts";
import { until, untilJob } from "./support/until.ts";

let way: Way;
let outside: Outside;
/** Of the story's own tenant: locally a pull whose client is gone goes on waiting, and would take the job of another story. */
let api: Api;
let env: Record<string, string>;
let stories = 0;
const workers: RemoteWorker[] = [];

beforeAll(async () => {
  [way, outside] = await Promise.all([startWay(), new Outside().open()]);
});
beforeEach(async () => {
  const tenant = `remote-${++stories}`;
  api = await way.tenant(tenant);
  env = { JOBYARD_URL: way.url, JOBYARD_TOKEN: await workToken(way.api, tenant), OUTSIDE: outside.url };
});
afterEach(async () => {
  outside.release();
  await Promise.all(workers.splice(0).map((worker) => worker.end("SIGTERM")));
});
afterAll(async () => {
  await outside?.close();
  await way?.close();
});

function start(more: Record<string, string> = {}): RemoteWorker {
  const worker = new RemoteWorker({ ...env, ...more });
  workers.push(worker);
  return worker;
}

/** The job, with its result shown. */
async function untilDone(id: string) {
  await untilJob(api, id, "done");
  return (await api.get(`/v1/jobs/${id}?reveal=1`)).body;
}

test("a worker in a process of its own does jobs, tries again what failed, and enqueues children", async () => {
  start({ WORKER: "one" });
  const ids = await Promise.all([
    api.enqueue("remote-demo", { n: 1 }),
    api.enqueue("remote-demo", { fail: 1 }),
    api.enqueue("remote-demo", { children: true }),
    api.enqueue("remote-demo", { size: 200_000 }),
    api.enqueue("remote-demo", { size: 1_100_000 }),
  ]);
  const [big = "", tooBig = ""] = ids.slice(3);
  expect((await untilDone(big)).result.text).toHaveLength(200_000);
  expect(await untilJob(api, tooBig, "discarded")).toMatchObject({ error: "The body may have at most 1,048,576 bytes." });
  const [plain, failed] = await Promise.all(ids.slice(0, 3).map((id) => untilDone(id)));
  expect(plain).toMatchObject({ attempt: 1, result: { by: "one", sent: { answered: 200 } }, effects: [{ key: "send", state: "done" }] });
  expect(failed).toMatchObject({ attempt: 2 });
  const parent = ids[2] ?? "";
  await until("the child is done", async () => {
    const rows = await way.rows<{ state: string }>("SELECT state FROM jobs WHERE parent = ?", parent);
    return rows.length === 1 && rows[0]?.state === "done";
  });
  const { body } = await api.get("/v1/workers");
  expect(body).toMatchObject([{ worker: "one", types: ["remote-demo"], state: "run", leases: 0 }]);
});

test("a job that a pull takes whose client went away is not lost: the next worker gets it, and no attempt is counted", async () => {
  const pull = async (
    worker: string,
    waitSeconds: number,
    { pullId = crypto.randomUUID() as string, signal }: { pullId?: string; signal?: AbortSignal } = {},
  ) => {
    const body = JSON.stringify({ worker, pullId, types: ["remote-demo"], waitSeconds });
    const headers = { authorization: `Bearer ${env["JOBYARD_TOKEN"]}`, "content-type": "application/json" };
    const response = await fetch(`${way.url}/v1/work/pull`, { method: "POST", headers, body, ...(signal ? { signal } : {}) });
    return (await response.json()) as { jobs: { id: string; attempt: number; lease: string }[] };
  };
  const gone = new AbortController();
  const pullId = crypto.randomUUID();
  const cutOff = pull("gone", 20, { pullId, signal: gone.signal }).catch(() => "cut off");
  await until("it waits", async () => (await way.rows("SELECT 1 FROM workers WHERE worker = 'gone'")).length === 1);
  gone.abort();
  expect(await cutOff).toBe("cut off");
  const id = await api.enqueue("remote-demo", {});
  // Whether the runtime reports the client that went away, or the offer is void after its 30 s.
  const there: { id: string; attempt: number; lease: string }[] = [];
  await until("the next worker gets it", async () => {
    await way.tick(31_000);
    there.push(...(await pull("there", 0)).jobs);
    return there.length === 1;
  });
  const [job] = there;
  expect(job).toMatchObject({ id, attempt: 1 });
  await api.ask("POST", `/v1/work/${id}/settle`, { body: { lease: job?.lease, outcome: { kind: "done" } } });
  expect(await untilJob(api, id, "done")).toMatchObject({ attempt: 1, runs: 1 });
  // The local proxy does not pass on that a client went away: the request may wait on, and takes nothing any more after this.
  expect((await pull("gone", 0, { pullId })).jobs).toEqual([]);
});

test("SIGTERM in the middle: what it has begun is done, nothing new is taken, and it ends", async () => {
  const worker = start({ WORKER: "term", CONCURRENCY: "1" });
  const [first, second] = [await api.enqueue("remote-demo", { hold: true }), await api.enqueue("remote-demo", { n: 2 })];
  await until("one is held", async () => outside.held === 1 || worker.output);
  worker.signal("SIGTERM");
  outside.release();
  await worker.sees("down");
  expect(await api.job(first)).toMatchObject({ state: "done", attempt: 1 });
  expect(await api.job(second)).toMatchObject({ state: "queued", attempt: 0, runs: 0 });
  start({ WORKER: "next" });
  expect(await untilDone(second)).toMatchObject({ attempt: 1, result: { by: "next" } });
});

test("SIGTERM and a handler that does not end within its grace: the job is given back, with no attempt counted", async () => {
  // With one slot, which is taken, no pull of its waits on without a client.
  const worker = start({ WORKER: "stuck", GRACE: "0", CONCURRENCY: "1" });
  const id = await api.enqueue("remote-demo", { hold: true });
  await until("it is held", async () => outside.held === 1 || worker.output);
  await worker.end("SIGTERM");
  expect(await api.job(id)).toMatchObject({ state: "queued", timeline: expect.arrayContaining([expect.objectContaining({ event: "released" })]) });
  outside.release();
  start({ WORKER: "heir" });
  await until("the heir has it", async () => outside.held === 1);
  outside.release();
  expect(await untilDone(id)).toMatchObject({ attempt: 1, result: { by: "heir" } });
});

test("cancel reaches the handler within its heartbeats", async () => {
  const worker = start({ WORKER: "cancelled", LEASE: "10" });
  const id = await api.enqueue("remote-demo", { hold: true });
  await until("it is held", async () => outside.held === 1 || worker.output);
  await api.ask("POST", `/v1/jobs/${id}/cancel`);
  expect(await untilJob(api, id, "cancelled")).toMatchObject({ state: "cancelled" });
  expect(outside.acts.get(id)).toBeUndefined();
});

test("the package is packed, installed in an empty folder and does a job", async () => {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-client-"));
  try {
    const run = (...args: string[]) => execFileSync("npm", args, { cwd: folder, stdio: "pipe", env: { ...process.env, npm_config_offline: "true" } });
    run("pack", join(root, "clients", "worker"), "--silent");
    const [archive = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", version: "1.0.0", type: "module" }));
    run("install", "--no-audit", "--no-fund", `./${archive}`);
    const installed = readdirSync(join(folder, "node_modules", "@jobyard", "worker")).toSorted();
    expect(installed).toEqual([
      ...["call.js", "clock.js", "heartbeat-thread.js", "heartbeat.js", "held-job.js", "index.d.ts", "index.js", "jobs.d.ts", "keeper.js"],
      "package.json",
    ]);
    start({ WORKER: "packed", CLIENT: join(folder, "node_modules", "@jobyard", "worker", "index.js") });
    expect(await untilDone(await api.enqueue("remote-demo", {}))).toMatchObject({ result: { by: "packed" } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
