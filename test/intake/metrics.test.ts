import { env } from "cloudflare:workers";
import { Counters } from "../../src/ledger/counters";
import { durationBounds, noDurations, ofInstallation } from "../../src/ledger/durations";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { metricsText } from "../../src/intake/metrics";
import { healthShape } from "../../src/intake/shapes";
import { statsShape } from "../../src/intake/routes/system";
import { createIntakeBench, root, type Tokens } from "./bench";
import { givenJob, now } from "./given";

const bench = createIntakeBench();
let own: Tokens;

/** The name of a type that no client of Prometheus may trip over. */
const odd = 'odd"\\\n';

beforeAll(async () => {
  own = await bench.tenant("ops-own");
  const counters = countersAt(now - 90_000);
  counters.add("ops-own", odd, "done", 1500, 3);
  counters.add("ops-other", odd, "done", 1500, 27);
  await counters.flush();
  const later = countersAt(now - 30_000);
  later.add("ops-own", odd, "done", 500, 1);
  await later.flush();
  for (const tenant of ["ops-own", "ops-own", "ops-other"]) await givenJob(tenant, { state: "dead", settled: { reason: "503" } });
});

const countersAt = (at: number) =>
  new Counters(
    env.DB,
    () => at,
    () => undefined,
    () => undefined,
  );

const get = (path: string, token = own.read) => bench.call("GET", path, { token });
const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

describe("stats", () => {
  test.each(["from=2026-10-02&to=2026-10-01", "from=2026-10-01&to=2026-10-01", "from=2026-09-01&to=2026-10-01", "from=x"])("refuse ?%s", async (query) => {
    expect((await get(`/v1/stats?${query}`)).status).toBe(422);
  });

  test("sum the last hour by type and event, of one tenant or of all", async () => {
    const { body } = await get("/v1/stats");
    expect(fits(statsShape, body)).toBe(true);
    expect(body).toMatchObject({
      from: "2026-10-01T11:00:00.000Z",
      to: "2026-10-01T12:00:00.000Z",
      totals: { [odd]: { done: 4 } },
      backlog: { deadLetters: 2 },
    });
    expect((await get("/v1/stats", root)).body.totals[odd]).toEqual({ done: 31 });
  });

  test("name the versions of the Worker that were first seen in the time asked for", async () => {
    const insert = env.DB.prepare("INSERT INTO versions (id, tag, first_at) VALUES (?, ?, ?)");
    await env.DB.batch([insert.bind("v3", "c", now - 60_000), insert.bind("v2", "", now - 120_000), insert.bind("v1", "a", now - 2 * 3_600_000)]);
    const { body } = await get("/v1/stats");
    expect(fits(statsShape, body)).toBe(true);
    expect(body.deploys).toEqual([
      { version: "v2", tag: "", at: "2026-10-01T11:58:00.000Z" },
      { version: "v3", tag: "c", at: "2026-10-01T11:59:00.000Z" },
    ]);
    expect((await get("/v1/stats?from=2026-10-01T09:00:00Z&to=2026-10-01T11:00:00Z")).body.deploys).toMatchObject([{ version: "v1" }]);
  });
});

describe("metrics", () => {
  test("of a tenant are its own: no queue, no step of the tick", async () => {
    const { text, headers } = await get("/metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text).toContain('jobyard_jobs_last_hour{type="odd\\"\\\\\\n",event="done"} 4\n');
    expect(text).toContain("jobyard_run_seconds_last_hour");
    expect(text).toContain("jobyard_dead_letters 2\n");
    expect(text).not.toMatch(/jobyard_(queue|tick|ledger)/);
  });

  test("of the root token cover all tenants", async () => {
    const { text } = await get("/metrics", root);
    expect(text).toContain("jobyard_dead_letters 3\n");
    expect(text).toContain('jobyard_queue_backlog_messages{queue="events"} 12\n');
    expect(text).not.toContain('backlog_messages{queue="email-sending"}');
    expect(text).toContain('jobyard_tick_step_ok{step="sweep",outcome="done"} 1\n');
    expect(text).toContain("jobyard_ledger_bytes 2500000000\n");
    expect(text).toContain("jobyard_ledger_max_bytes 10000000000\n");
  });

  test("are lines that Prometheus can read, whatever a type is called", () => {
    const nasty = ['a"} 1\njobyard_forged{x="', "\\", "{}", "é\u2028"];
    const counts = nasty.map((type) => ({ minute: now, type, event: "done", count: 1, ms: 5 }));
    const text = metricsText({
      counts,
      backlog: { deadLetters: 0, parked: 0, due: 0 },
      ledger: null,
      queues: [],
      steps: [{ step: "alerts", outcome: "failed", at: now, ms: 1, detail: null }],
      durations: nasty.map((type) => ({ ...noDurations("", type), run: { buckets: [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4], sum: 1234 } })),
      tick: undefined,
    });
    const line = /^(# (HELP|TYPE) jobyard_\w+ .+|jobyard_\w+(\{\w+="([^"\\\n]|\\["\\n])*"(,\w+="([^"\\\n]|\\["\\n])*")*\})? -?\d+(\.\d+)?)$/;
    expect(text.endsWith("\n")).toBe(true);
    for (const each of text.trimEnd().split("\n")) expect(each).toMatch(line);
    expect(text).toContain('jobyard_tick_step_ok{step="alerts",outcome="failed"} 0');
    const buckets = [...text.matchAll(/jobyard_run_seconds_bucket\{type="\{\}",le="([^"]+)"\} (\d+)/g)].map(([, le, count]) => [le, Number(count)]);
    expect(buckets).toEqual([["0.01", 2], ...durationBounds.run.slice(1).map((bound) => [String(bound), 3]), ["+Inf", 7]]);
    expect(text).toContain('jobyard_run_seconds_sum{type="{}"} 1.234\njobyard_run_seconds_count{type="{}"} 7\n');
    expect(text).not.toContain("jobyard_wait_seconds");
  });

  test("measure waits and runs by type: of a tenant its own, of the root token all, with as many series whatever the number of tenants", async () => {
    const counters = countersAt(now);
    const tenant = "ops-own";
    counters.time(tenant, "email", { run: 20, wait: 700 });
    await counters.flush();
    const series = async () => (await get("/metrics", root)).text.split("\n").length;
    const before = await series();
    for (let other = 0; other < 300; other++) counters.time(`other-${other}`, "email", { run: 20, wait: null });
    counters.time(ofInstallation, "tick", { run: 1500, wait: null });
    await counters.flush();
    const { text: mine } = await get("/metrics");
    expect(mine).toContain('jobyard_wait_seconds_bucket{type="email",le="0.5"} 0\njobyard_wait_seconds_bucket{type="email",le="1"} 1\n');
    expect(mine).toContain('jobyard_run_seconds_count{type="email"} 1\n');
    expect(mine).not.toMatch(/tick/);
    const { text: all } = await get("/metrics", root);
    expect(all).toContain('jobyard_run_seconds_count{type="email"} 301\n');
    expect(all).toContain("jobyard_tick_seconds_sum 1.5\n");
    expect(all).not.toMatch(/other-|type="tick"/);
    const ofTick = durationBounds.run.length + 5;
    expect(await series()).toBe(before + ofTick);
  });
});

test("healthz says what fails and stays 200", async () => {
  const ill = createIntakeBench();
  ill.deps.platform.health = async () => ({ ledger: "failing", settings: "ok" });
  const [well, unwell] = [await bench.call("GET", "/healthz"), await ill.call("GET", "/healthz")];
  expect(well).toMatchObject({ status: 200, body: { status: "ok" } });
  expect(unwell).toMatchObject({ status: 200, body: { status: "degraded", checks: { ledger: "failing" } } });
  expect(fits(healthShape, unwell.body)).toBe(true);
});
