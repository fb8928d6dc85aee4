import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { failure, listFailures } from "../../../src/domain/failures/queries";
import { decideGroup, removeOldGroups } from "../../../src/domain/failures/store";
import { createLedger } from "../../../src/ledger/ledger";
import { createQueries } from "../../../src/ledger/queries";
import { newestVersion, noteVersion } from "../../../src/ledger/versions";
import { retryNow } from "../../../src/queue/operate";
import { createEngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";
import { recordingDb } from "../../support/recorder";
import { lease, messageOf, newJobs, noon, transition } from "../../support/rows";

const hour = 3_600_000;

beforeEach(async () => {
  await emptyLedger();
  await env.DB.batch(["failure_groups", "versions"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

interface Given {
  state?: "dead" | "retrying";
  reason?: (index: number) => string;
  at?: number;
  site?: string;
  db?: D1Database;
}

/** Jobs whose run failed. */
async function givenFailed(tenant: string, count: number, { state = "dead", reason = () => "no", at = noon, site = "", db = env.DB }: Given = {}) {
  const ledger = createLedger(db, () => undefined);
  const rows = await newJobs(tenant, count, site === "" ? {} : { site });
  await ledger.insert(rows);
  const token = crypto.randomUUID();
  await ledger.claim(rows.map(messageOf), lease(token, at));
  const open = { state, event: "retry", attempt: 1, due: at + 60_000, wake: at + 60_000, ended: null } as const;
  await ledger.settle(
    rows.map((row, index) => transition(row, { ...(state === "dead" ? { state, event: "dead" } : open), reason: reason(index) })),
    token,
    at,
  );
  return { rows, token };
}

const list = async (tenant: string | null, filter = {}, now = noon, deployedAt: number | null = null) =>
  (await listFailures(env.DB, tenant, filter, { limit: 50, deployedAt, now })).failures;

async function only(tenant: string) {
  const [group] = await list(tenant);
  if (!group) throw new Error("there is a group");
  return group;
}

describe("a group of failures", () => {
  test("has retrying and dead jobs together, under the reason without what differs", async () => {
    await givenFailed("acme", 3, { reason: (index) => `There is no site "gone-${index}"`, site: "main" });
    await givenFailed("acme", 2, { state: "retrying", reason: (index) => `There is no site "left-${index}"`, at: noon + hour });
    const group = await only("acme");
    expect(group).toMatchObject({
      title: 'There is no site "…"',
      type: "email",
      dead: 3,
      retrying: 2,
      total: 5,
      status: "open",
      firstAt: noon,
      lastAt: noon + hour,
    });
    const detail = await failure(env.DB, "acme", group.group, null, noon);
    expect(detail).toMatchObject({ sites: [{ siteId: "main", count: 3 }], reason: expect.stringContaining("There is no site") });
    expect(detail?.examples).toHaveLength(5);
  });

  test("outlives its letters: a replay does not change since when it fails", async () => {
    const bench = createEngineBench();
    const { rows } = await givenFailed("replayed", 2);
    const before = await only("replayed");
    await retryNow(bench.engine, rows, { event: "replayed", from: ["dead"] });
    expect(await only("replayed")).toEqual({ ...before, dead: 0, reason: null });
    await givenFailed("replayed", 1, { at: noon + 2 * hour });
    expect(await only("replayed")).toMatchObject({ firstAt: noon, lastAt: noon + 2 * hour, total: 3, dead: 1 });
  });

  test("tells the last 24 hours; an hour of the day before is not taken for today's", async () => {
    await givenFailed("trend", 2, { at: noon - 25 * hour });
    await givenFailed("trend", 3, { at: noon - hour });
    await givenFailed("trend", 1, { at: noon });
    await givenFailed("trend", 1, { at: noon + 60_000 });
    const { trend } = await only("trend");
    expect([trend.length, trend.slice(-2), trend.slice(0, -2).every((count) => count === 0)]).toEqual([24, [3, 2], true]);
  });

  test("that was resolved opens when it fails again", async () => {
    await givenFailed("resolved", 1);
    const { group } = await only("resolved");
    expect(await decideGroup(env.DB, "resolved", group, { status: "resolved", note: "mended" }, "ana", noon)).toBe(true);
    expect(await only("resolved")).toMatchObject({ status: "resolved", note: "mended", actor: "ana", statusAt: noon, sinceCount: 0 });
    await givenFailed("resolved", 1, { state: "retrying" });
    expect(await only("resolved")).toMatchObject({ status: "open", sinceCount: 1, note: "mended" });
  });

  test("that is ignored opens when it has failed so often since", async () => {
    await givenFailed("ignored", 5);
    const { group } = await only("ignored");
    await decideGroup(env.DB, "ignored", group, { status: "ignored", untilCount: 3 }, "root", noon);
    await givenFailed("ignored", 2);
    expect(await only("ignored")).toMatchObject({ status: "ignored", untilCount: 3, sinceCount: 2 });
    await givenFailed("ignored", 1);
    expect((await only("ignored")).status).toBe("open");
    await decideGroup(env.DB, "ignored", group, { status: "ignored" }, "root", noon);
    await givenFailed("ignored", 50);
    expect((await only("ignored")).status).toBe("ignored");
  });

  test("is of one tenant; the list of all tenants has each", async () => {
    await givenFailed("one", 1);
    await givenFailed("two", 1, { at: noon + 1 });
    const { group } = await only("one");
    expect(await decideGroup(env.DB, "three", group, { status: "resolved" }, "root", noon)).toBe(false);
    await decideGroup(env.DB, "one", group, { status: "resolved" }, "root", noon);
    expect((await list(null)).map(({ tenant, status, dead }) => [tenant, status, dead])).toEqual([
      ["two", "open", 1],
      ["one", "resolved", 1],
    ]);
  });

  test("counts nothing of a run that lost its job, and nothing twice when the answer was lost", async () => {
    const { rows, token } = await givenFailed("fenced", 2);
    const ledger = createLedger(env.DB, () => undefined);
    const again = rows.map((row) => transition(row, { state: "dead", event: "dead", reason: "no" }));
    await ledger.settle(again, token, noon);
    await ledger.settle(again, "another", noon);
    expect(await only("fenced")).toMatchObject({ total: 2 });
  });

  test("costs one written row for each batch, and none when jobs are done", async () => {
    const written = async (tenant: string, count: number) => {
      const { db, counts } = recordingDb();
      await givenFailed(tenant, count, { db });
      return counts.written;
    };
    const [one, ten] = [await written("cost-one", 1), await written("cost-ten", 10)];
    // A row, a claim, a settlement, a line of history and a dead letter for each job; one row for the group.
    expect([one, ten]).toEqual([6, 51]);
  });
});

test("a dead job is of the group in which its dead letter was counted, a retrying one of none that is stored", async () => {
  const { rows } = await givenFailed("stored", 1, { reason: () => "mail: 401" });
  const { rows: retried } = await givenFailed("stored", 1, { state: "retrying", reason: () => "mail: 401" });
  await env.DB.prepare("UPDATE dead_letters SET kind = 'group-of-earlier' WHERE tenant = 'stored'").run();
  const groupOf = async (id = "") => (await createQueries(env.DB).job("stored", id, noon))?.letterGroup;
  expect(await groupOf(rows[0]?.id)).toBe("group-of-earlier");
  expect(await groupOf(retried[0]?.id)).toBeNull();
});

test("a version is new once, and what failed first since then is new", async () => {
  await givenFailed("deploys", 1, { reason: () => "old" });
  expect(await noteVersion(env.DB, { id: "v1", tag: "" }, noon - hour)).toBe(true);
  expect(await noteVersion(env.DB, { id: "v2", tag: "b" }, noon + hour)).toBe(true);
  expect(await noteVersion(env.DB, { id: "v2", tag: "b" }, noon + 2 * hour)).toBe(false);
  expect(await newestVersion(env.DB)).toEqual({ id: "v2", tag: "b", firstAt: noon + hour });
  await givenFailed("deploys", 1, { reason: () => "fresh", at: noon + 2 * hour });
  const groups = await list("deploys", {}, noon, noon + hour);
  expect(groups.map(({ title, isNew }) => [title, isNew])).toEqual([
    ["fresh", true],
    ["old", false],
  ]);
  expect((await list("deploys", { from: noon + hour })).map(({ title }) => title)).toEqual(["fresh"]);
  expect((await list("deploys", { to: noon + hour })).map(({ title }) => title)).toEqual(["old"]);
});

test("pages go from the newest failure to the oldest, and old groups are forgotten", async () => {
  for (let day = 0; day < 5; day++) await givenFailed("pages", 1, { reason: () => `cause ${"abcde"[day]}`, at: noon + day });
  const page = (cursor?: string) => listFailures(env.DB, "pages", {}, { cursor, limit: 2, deployedAt: null, now: noon });
  const titles: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { failures, cursor: next } = await page(cursor);
    titles.push(...failures.map(({ title }) => title));
    cursor = next;
  }
  expect(titles).toEqual(["e", "d", "c", "b", "a"].map((letter) => `cause ${letter}`));
  expect(await removeOldGroups(env.DB, noon + 90 * 24 * hour + 3)).toBe(3);
  expect((await list("pages")).map(({ title }) => title)).toEqual(["cause e", "cause d"]);
});
