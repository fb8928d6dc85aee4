import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { again, createWorker, discard, done, type JobContext, retry, wait } from "../../clients/worker/index.js";
import { type Exchange, filled } from "../protocol/answers.ts";

const folder = join(import.meta.dirname, "../protocol/answers");
const files = readdirSync(folder).map((file) => file.slice(0, -5));
const names = { id: "job-1", lease: "lease-1", tenant: "acme", pullId: "pull-1" };

const root = join(import.meta.dirname, "../..");

/** What a wildcard of a fixture may be. */
function concrete(value: unknown): unknown {
  if (value === "<text>") return "text";
  if (value === "<number>") return 1;
  if (value === "<time>") return 4_000_000_000_000;
  if (Array.isArray(value)) return value.map(concrete);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, concrete(each)]));
}

const exchangesOf = (file: string) => JSON.parse(readFileSync(join(folder, `${file}.json`), "utf8")) as Exchange[];
const theJob = concrete(filled(exchangesOf("pull")[0]?.response.body, names)) as { jobs: Record<string, unknown>[] };
const nothing = { jobs: [], pollAfterMs: 1000, workerState: "run" };

type WorkerRequest = { outcome?: { kind: string }; pullId?: string };

/** What answers when the fixture does not. */
function usual(method: string, path: string, pulls: number): unknown {
  if (path === "/v1/work/pull") return pulls === 1 ? theJob : nothing;
  if (path === "/v1/work/beat") return { results: [{ id: "job-1", ok: true, leaseUntil: 1, cancel: null, pause: false }], workerState: "run" };
  if (path.endsWith("/settle")) return { state: "done", at: 1 };
  if (path.endsWith("/release")) return { state: "queued" };
  if (path.includes("/effects/")) return method === "PUT" ? { state: "done" } : { state: "new", idempotencyKey: "key" };
  throw new Error(`the package asked ${method} ${path}`);
}

/** Asks the handler of a file does, until something ends it. */
const asks: Record<string, (job: JobContext, acts: () => void, returns: unknown) => Promise<unknown>> = {
  pull: async () => ({ made: 1 }),
  beat: async (job) => {
    await job.checkpoint(7);
    return { made: 1 };
  },
  settle: async (_, __, returns) => outcomeOf(returns as Wished),
  effects: async (job, acts) => job.effect("send", async () => (acts(), { mail: 1 })),
  children: async (job) => job.enqueue([{ type: "errand", payload: {} }]),
  release: async (job) => new Promise((resolve) => job.signal.addEventListener("abort", () => resolve(undefined))),
};

interface Wished {
  kind: string;
  reason: string;
  afterSeconds: number;
  untilMs: number;
  cursor: unknown;
  result: unknown;
}

function outcomeOf({ kind, reason, afterSeconds, untilMs, cursor, result }: Wished): unknown {
  if (kind === "done") return done(result);
  if (kind === "retry") return retry(reason, { afterSeconds });
  if (kind === "wait") return wait(reason, { until: untilMs });
  return kind === "again" ? again(cursor) : discard(reason);
}

async function play(file: string, { request, response, client = {} }: Exchange) {
  const seen = { handler: "", acts: 0, settled: [] as string[], paused: false, errors: 0, released: 0 };
  const pulls: string[] = [];
  const pathPattern = new RegExp(`^${request.path.replace(/\{id\}|nothing/, "[^/]+")}$`);
  let answers = 0;
  const fetch = (async (url: string, { method = "", body }: RequestInit = {}) => {
    const path = new URL(url).pathname;
    const sent = JSON.parse(String(body)) as WorkerRequest;
    if (sent.pullId !== undefined) pulls.push(sent.pullId);
    if (path.endsWith("/settle")) seen.settled.push(sent.outcome?.kind ?? "");
    if (path.endsWith("/release")) seen.released++;
    // A heartbeat is answered likewise each time, anything else once.
    const isFixture = method === request.method && pathPattern.test(path) && (file === "beat" || answers++ === 0);
    const [status, answer] = isFixture ? [response.status, concrete(filled(response.body, names))] : [200, usual(method, path, pulls.length)];
    return new Response(JSON.stringify(answer), { status });
  }) as typeof globalThis.fetch;
  const worker = createWorker<Record<string, { payload: unknown; result: unknown }>>({
    ...{ url: "https://jobs.example.com", token: "token", worker: "w1", graceSeconds: client["stops"] ? 0 : 30, waitSeconds: 0, fetch },
    onError: () => void seen.errors++,
    handlers: {
      chore: async (_, job) => {
        try {
          const returned = await asks[file]?.(job, () => void seen.acts++, client["returns"]);
          seen.handler = "returned";
          return returned;
        } catch (thrown) {
          const { name, message, why } = thrown as Error & { why?: string };
          seen.handler = `${name} ${why ?? message.split(":")[0]}`.replace(/^Uncertain .*/, "Uncertain");
          throw thrown;
        } finally {
          seen.paused = job.isPaused;
        }
      },
    },
  });
  let hasEnded = false;
  const running = worker.run().then(() => (hasEnded = true));
  await vi.advanceTimersByTimeAsync(20_000);
  const endedByItself = hasEnded;
  void worker.stop();
  await vi.advanceTimersByTimeAsync(40_000);
  await running;
  const next = pulls[1] === undefined || endedByItself ? "no more" : pulls[1] === pulls[0] ? "same" : "on";
  return { ...seen, state: worker.state, pulls: next, stops: seen.released === 1 };
}

describe.each(files)("the package, answered %s", (file) => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "hrtime"] }));
  afterEach(() => void vi.useRealTimers());

  test.each(exchangesOf(file).filter(({ client }) => client))("$response.status $name", async (exchange) => {
    const { returns: _, ...wanted } = exchange.client ?? {};
    expect(await play(file, exchange)).toMatchObject(wanted);
  });
  test("has its answers", () => expect(exchangesOf(file).length).toBeGreaterThan(0));
});

/** Does not let go of the event loop until the file is there. */
const blocking = (client: string) => `
  import { existsSync } from "node:fs";
  import { createWorker } from ${JSON.stringify(client)};
  const started = Date.now();
  const worker = createWorker({ url: process.env.SERVER, token: "token", worker: "w1", waitSeconds: 0, handlers: { chore: () => {
    while (!existsSync(process.env.FLAG)) if (Date.now() - started > 30_000) return { wasHeard: false };
    void worker.stop();
    return { wasHeard: true };
  } } });
  await worker.run();`;

test("a handler that blocks the event loop keeps its lease: heartbeats come from a thread", async () => {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-heartbeat-"));
  const flag = join(folder, "heard");
  let [beats, pulls] = [0, 0];
  const settled: unknown[] = [];
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    const text = (await request.toArray()).join("");
    if (path.endsWith("/settle")) settled.push((JSON.parse(text) as { outcome: unknown }).outcome);
    // One when the job begins, then each third of its lease.
    if (path === "/v1/work/beat" && ++beats === 4) writeFileSync(flag, "");
    const job = { ...theJob.jobs[0], leaseSeconds: 1, heartbeatSeconds: 1 };
    response.end(JSON.stringify(path === "/v1/work/pull" && ++pulls === 1 ? { ...nothing, jobs: [job] } : usual("POST", path, 2)));
  }).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const script = join(folder, "worker.mjs");
    writeFileSync(script, blocking(join(root, "clients/worker/index.js")));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const child = spawn(process.execPath, [script], { env: { ...process.env, SERVER: url, FLAG: flag }, stdio: "inherit" });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(settled).toEqual([{ kind: "done", result: { wasHeard: true } }]);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
