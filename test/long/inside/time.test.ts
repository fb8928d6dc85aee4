import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import * as v from "valibot";
import { maxSchedulesPerTick, runDueSchedules } from "../../../src/domain/schedules/due";
import { scheduleInput } from "../../../src/domain/schedules/model";
import { createScheduleStore } from "../../../src/domain/schedules/store";
import { defaultRetention, retain } from "../../../src/ledger/retention";
import type { EnqueueRequest, Receipt } from "../../../src/queue/request";
import { ids } from "../../support/rows";

const minute = 60_000;
const day = 24 * 60 * minute;
const start = Date.parse("2026-05-01T00:00:30Z");

test("24 hours of schedules for 500 tenants: each runs at each of its times, once", async () => {
  const tenants = Array.from({ length: 500 }, (_, index) => `s-${index}`);
  const store = createScheduleStore(env.DB);
  const jobs = new Map<string, number>();
  const enqueue = async (requests: readonly EnqueueRequest[]): Promise<Receipt[]> =>
    requests.map(({ tenant, type, own }) => {
      const id = `${tenant}:${own?.join(":")}`;
      jobs.set(id, (jobs.get(id) ?? 0) + 1);
      return { ok: true, id, type, state: "queued", replayed: false };
    });
  // Every three hours, and a quarter of the tenants each hour at a minute of their own.
  for (const [index, tenant] of tenants.entries()) {
    await store.put(tenant, "orders", v.parse(scheduleInput, { type: "email", payload: {}, cron: "0 */3 * * *", spreadSeconds: 10_800 }), start);
    if (index % 4 === 0) await store.put(tenant, "hourly", v.parse(scheduleInput, { type: "email", payload: {}, cron: `${index % 60} * * * *` }), start);
  }
  let most = 0;
  // One minute more: a tick runs 300 at most, and at midnight 509 are due.
  for (let at = start; at <= start + day + minute; at += minute) {
    const { ran } = await runDueSchedules({ now: at, store, enqueue, isOpen: async () => false });
    most = Math.max(most, ran);
  }
  expect([...jobs.values()].every((times) => times === 1)).toBe(true);
  const of = (name: string) => [...jobs.keys()].filter((id) => id.includes(`:${name}:`)).length;
  console.log(`24 hours, 500 tenants: ${of("orders")} runs every three hours, ${of("hourly")} hourly ones, at most ${most} in one tick`);
  expect(most).toBe(maxSchedulesPerTick);
  expect(of("hourly")).toBe(125 * 24);
  expect(of("orders")).toBe(500 * 8);
});

test("a month of 2,000 jobs a day: from the fifteenth day on the ledger keeps its size", async () => {
  const [tenants, perTenant] = [20, 100];
  const deps = {
    db: env.DB,
    daysOf: async (all: readonly string[]) => new Map(all.map((tenant) => [tenant, defaultRetention])),
    removePayloads: async () => undefined,
  };
  const sizes: { rows: number; bytes: number }[] = [];
  for (let today = 0; today < 30; today++) {
    const now = start + today * day;
    for (let tenant = 0; tenant < tenants; tenant++) await endedJobs(`m-${tenant}`, now, perTenant);
    // As the tick of each hour does.
    for (let hour = 0; hour < 24; hour++) if ((await retain(deps, now + hour * 60 * minute)).removed === 0) break;
    const { results, meta } = await env.DB.prepare("SELECT count(*) AS n FROM jobs WHERE tenant LIKE 'm-%'").all<{ n: number }>();
    sizes.push({ rows: results[0]?.n ?? 0, bytes: meta.size_after });
  }
  const late = sizes.slice(15);
  console.log(`rows by day: ${sizes.map(({ rows }) => rows).join(", ")}; database ${sizes[15]?.bytes} bytes on day 16, ${late.at(-1)?.bytes} on day 30`);
  expect(Math.max(...late.map(({ rows }) => rows))).toBeLessThanOrEqual(tenants * perTenant * (defaultRetention.done + 1));
  expect(late.at(-1)?.rows).toBe(late[0]?.rows);
  expect(late.at(-1)?.bytes).toBeLessThan((late[0]?.bytes ?? 0) * 1.1);
});

/** Rows as the engine leaves them of jobs that were done at once. */
async function endedJobs(tenant: string, at: number, count: number): Promise<void> {
  const made = await Promise.all(Array.from({ length: count }, (_, index) => ids.make(tenant, at + index)));
  const sql = `INSERT INTO jobs (tenant, id, type, version, queue, state, seq, runs, max, at, born, started, ended, lease, payload)
    SELECT ?1, value, 'email', 1, 'email-sending', 'done', 0, 1, 5, ?2, ?2, ?2, ?2 + 20, 'x', ?3 FROM json_each(?4)`;
  await env.DB.prepare(sql)
    .bind(tenant, at, JSON.stringify({ to: "n@example.com", subject: "Hello", text: "x".repeat(500) }), JSON.stringify(made))
    .run();
}
