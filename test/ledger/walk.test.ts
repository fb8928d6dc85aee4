import { beforeEach, expect, test } from "vitest";
import { env } from "cloudflare:workers";
import { createLedger } from "../../src/ledger/ledger";
import { broughtBack, queuedNow } from "../../src/queue/placement";
import { ids, lease, messageOf, newJob, newJobs, noon, sideRows, transition } from "../support/rows";

const ledger = createLedger(env.DB, () => undefined);
const minute = 60_000;

beforeEach(async () => {
  await env.DB.batch(["jobs", "due", "watermarks", "history"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

test("open rows that nothing looks after get a side row; ended ones, younger ones and those that have one are passed over", async () => {
  const [free, over, running, young] = await newJobs("walk", 4);
  const [held] = await newJobs("walk", 1, { wake: noon + 5, due: noon });
  const keyed = newJob({ tenant: "walk", id: await ids.derive("walk", ["key"]) });
  if (!free || !over || !running || !young || !held) throw new Error("rows were asked for");
  const fresh = newJob({ tenant: "walk", id: await ids.make("walk", noon + minute) });
  await ledger.insert([free, over, running, held, keyed, fresh]);
  await ledger.claim([over, running].map(messageOf), lease("mine"));
  await ledger.settle([transition(over)], "mine", noon);
  expect(await ledger.scan(noon + minute, 100, async () => noon + 10 * minute)).toEqual({ found: 3, more: false });
  const now = noon + 10 * minute;
  const due = (await sideRows("walk")).filter((row) => row.startsWith("due"));
  expect(due).toEqual([`due ${now} ${free.id}`, `due ${now} ${running.id}`, `due ${now} ${keyed.id}`, `due ${noon + 5} ${held.id}`].sort());
  expect(await ledger.scan(noon + minute, 100, async () => now)).toEqual({ found: 0, more: false });
  expect(await ledger.scan(noon + 2 * minute, 100, async () => now + minute)).toEqual({ found: 1, more: false });
});

test("a page that is full says so, and the next goes on where it ended, tenant by tenant", async () => {
  await ledger.insert([...(await newJobs("walk-a", 5)), ...(await newJobs("walk-b", 2))]);
  const later = noon + 20 * minute;
  expect(await ledger.scan(noon + minute, 3, async () => later)).toEqual({ found: 3, more: true });
  expect(await ledger.scan(noon + minute, 3, async () => later)).toEqual({ found: 3, more: true });
  expect(await ledger.scan(noon + minute, 3, async () => later)).toEqual({ found: 1, more: false });
  const tenants = (await ledger.dueTenants(later)).filter((each) => each.startsWith("walk-"));
  expect(tenants).toEqual(["walk-a", "walk-b"]);
  expect((await ledger.due(tenants, later, 4)).map(({ tenant, rows, more }) => [tenant, rows.length, more])).toEqual([
    ["walk-a", 4, true],
    ["walk-b", 2, false],
  ]);
});

test("a side row that was moved meanwhile is neither taken away nor doubled", async () => {
  const [row] = await newJobs("walk", 1, { wake: noon, due: noon });
  if (!row) throw new Error("a row was asked for");
  await ledger.insert([row]);
  await ledger.unsent([row], noon + 7);
  await ledger.rewake([{ at: noon, tenant: "walk", id: row.id, wake: null }]);
  expect(await sideRows("walk")).toEqual([`due ${noon + 7} ${row.id}`]);
  await ledger.rewake([{ at: noon + 7, tenant: "walk", id: row.id, wake: null }]);
  expect(await sideRows("walk")).toEqual([`due ${noon + 7} ${row.id}`]);
  await ledger.rewake([{ at: noon + 7, tenant: "walk", id: row.id, wake: noon + 9 }]);
  expect(await sideRows("walk")).toEqual([`due ${noon + 9} ${row.id}`]);
});

test("a job parked again at the same place keeps it, though a tick brings back what it saw there before", async () => {
  const [row] = await newJobs("walk", 1);
  if (!row) throw new Error("a row was asked for");
  const park = transition(row, { state: "waiting", bump: 1, gate: "door", wake: noon, ended: null });
  await ledger.insert([row]);
  await ledger.claim([messageOf(row)], lease("one"));
  await ledger.settle([park], "one", noon);
  const seen = (await ledger.parked([{ tenant: "walk", gate: "door" }], 10)).flatMap((page) => page.rows);
  const [back] = await ledger.revive([row], { from: ["waiting"], event: "retried", boot: "", place: queuedNow(noon) }, noon);
  expect(await sideRows("walk")).not.toContain(`parked door ${noon} ${row.id}`);
  await ledger.claim([{ ...row, seq: back?.seq ?? 0 }], lease("two"));
  await ledger.settle([{ ...park, was: { wake: noon + 10 * minute, gate: null } }], "two", noon);
  expect(
    await ledger.bringBack(
      seen.map((each) => ({ ...each, place: broughtBack(noon, 0, 0), swept: false })),
      noon,
      "",
    ),
  ).toEqual([]);
  expect(await sideRows("walk")).toContain(`parked door ${noon} ${row.id}`);
});
