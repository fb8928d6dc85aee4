import { expect, test } from "vitest";
import { env } from "cloudflare:workers";
import { createLedger } from "../../src/ledger/ledger";
import { ids, lease, listed, messageOf, newJob, newJobs, noon, sideRows, stored, transition } from "../support/rows";

const ledger = createLedger(env.DB, () => undefined);

async function one(tenant: string, more: Parameters<typeof newJobs>[2] = {}) {
  const [row] = await newJobs(tenant, 1, more);
  if (!row) throw new Error("one row was asked for");
  await ledger.insert([row]);
  return row;
}

test("a run that lost its lease changes nothing and leaves no side row behind or missing", async () => {
  const row = await one("lost", { wake: noon, due: noon });
  await ledger.claim([messageOf(row)], { ...lease("first"), until: noon + 1000 });
  const late = noon + 2000;
  expect(await ledger.claimAlone(messageOf(row), lease("second", late))).toMatchObject({ attempt: 0, runs: 2 });
  const [before, sides] = [await stored(row), await sideRows("lost")];
  expect(sides).toEqual([`due ${noon} ${row.id}`, expect.stringContaining("history crashed")]);
  const was = { wake: noon, gate: null };
  const endings = [
    {},
    { result: "{}" },
    { state: "retrying", bump: 1, wake: noon + 5, ended: null, event: "retry" },
    { state: "waiting", bump: 1, gate: "door", wake: noon + 5, ended: null, event: "wait" },
    { state: "dead", reason: "x", event: "dead" },
    { state: "discarded", reason: "x", event: "discarded" },
  ] as const;
  for (const ending of endings) expect(await ledger.settle([transition(row, { was, ...ending })], "first", late)).toEqual([]);
  expect(await ledger.heartbeat([{ ...row, progress: "{}" }], "first")).toMatchObject([{ held: false, cancel: false }]);
  expect(await ledger.recordEffect(row, { key: "send", revision: 0, state: "intent", result: null, at: late }, "first")).toBe(false);
  await ledger.release([row], "first");
  expect([await stored(row), await sideRows("lost")]).toEqual([before, sides]);
  expect(await ledger.settle([transition(row, { was })], "second", late)).toMatchObject([{ id: row.id, state: "done" }]);
  expect(await sideRows("lost")).toEqual([expect.stringContaining("history crashed")]);
});

test("a row that a trigger writes beside a settled job stands for no job that was lost", async () => {
  const tenant = "subscribed";
  const sql = "INSERT INTO subscriptions (tenant, name, events, jobs, host, sealed, created, updated) VALUES (?, 's', '[]', 1, 's.example', '', 0, 0)";
  await env.DB.prepare(sql).bind(tenant).run();
  const [mine, lost] = [await one(tenant), await one(tenant)];
  await ledger.claim([messageOf(mine)], lease("mine"));
  expect(await ledger.settle([transition(mine), transition(lost)], "mine", noon)).toEqual([expect.objectContaining({ id: mine.id })]);
  expect(await stored(lost)).toMatchObject({ state: "queued" });
});

test("no trigger acts when a job's row is inserted: the claim counts the rows it wrote", async () => {
  const sql = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'jobs'";
  const triggers = (await env.DB.prepare(sql).all<{ sql: string }>()).results;
  expect(triggers.filter((each) => /\bINSERT ON\b/i.test(each.sql))).toEqual([]);
});

test("an answer that got lost may be asked for again: the second settle changes nothing", async () => {
  const row = await one("again");
  await ledger.claim([messageOf(row)], lease("mine"));
  const retrying = transition(row, { state: "retrying", bump: 1, attempt: 1, due: noon + 1000, wake: noon + 5000, ended: null, event: "retry" });
  expect(await ledger.settle([retrying], "mine", noon)).toMatchObject([{ seq: 1 }]);
  const [before, sides] = [await stored(row), await sideRows("again")];
  expect(await ledger.settle([retrying], "mine", noon)).toMatchObject([{ seq: 1 }]);
  expect([await stored(row), await sideRows("again")]).toEqual([before, sides]);
});

test("who was asked to end is cancelled by any outcome but done, without a message to come and without a dead letter", async () => {
  const outcomes = [
    [{ state: "retrying", bump: 1, wake: noon + 5, ended: null, event: "retry" }, "cancelled"],
    [{ state: "waiting", bump: 1, gate: "door", wake: noon + 5, ended: null }, "cancelled"],
    [{ state: "discarded", reason: "x", event: "discarded" }, "cancelled"],
    [{ result: "{}" }, "done"],
    [{}, "done"],
  ] as const;
  for (const [ending, state] of outcomes) {
    const row = await one("asked");
    await ledger.claim([messageOf(row)], lease("mine"));
    expect(await ledger.cancel(row, noon)).toEqual({ state: "running", flagged: true, changed: true });
    expect(await ledger.settle([transition(row, ending)], "mine", noon + 7)).toMatchObject([{ state }]);
    expect(await stored(row)).toMatchObject({ state, ended: expect.any(Number) });
  }
  expect((await sideRows("asked")).filter((row) => !row.startsWith("history"))).toEqual([]);
});

test("checkpoint: a job that goes on is looked for as soon as one that was never lost", async () => {
  const [row] = await newJobs("one", 1);
  if (!row) throw new Error("no row");
  await ledger.insert([row]);
  await env.DB.prepare("UPDATE jobs SET sweeps = 5 WHERE id = ?").bind(row.id).run();
  await ledger.claim([messageOf(row)], lease("mine"));
  expect(await ledger.checkpoint(row, "{}", [], "mine", noon)).toBe(true);
  expect(await env.DB.prepare("SELECT sweeps FROM jobs WHERE id = ?").bind(row.id).first("sweeps")).toBe(0);
});

test("checkpoint: cursor and writes commit together, or neither does", async () => {
  const row = await one("point");
  await ledger.claim([messageOf(row)], lease("mine"));
  const note = (key: string) => env.DB.prepare("INSERT INTO entities (tenant, key, id) VALUES ('point', ?, 'x')").bind(key);
  expect(await ledger.checkpoint(row, '{"page":2}', [note("a")], "mine", noon)).toBe(true);
  expect(await stored(row)).toMatchObject({ cursor: '{"page":2}', attempt: 0, state: "running" });
  expect(await ledger.checkpoint(row, '{"page":3}', [note("b")], "theirs", noon)).toBe(false);
  await expect(ledger.checkpoint(row, '{"page":4}', [note("c"), env.DB.prepare("INSERT INTO nowhere VALUES (1)")], "mine", noon)).rejects.toThrow(
    "no such table",
  );
  await expect(ledger.checkpoint(row, '{"page":5}', [note("a")], "mine", noon)).rejects.toThrow("UNIQUE");
  expect(await stored(row)).toMatchObject({ cursor: '{"page":2}' });
  expect(await sideRows("point")).toEqual(["entity a x"]);
});

test("the call that inserted a keyed row learns that it did; each other call gets the stored row", async () => {
  const row = newJob({ tenant: "keyed", id: await ids.derive("keyed", ["a"]), fp: "first" });
  const known = { tenant: "keyed", id: row.id, state: "queued", seq: 0, fp: "first", due: null, cancel: 0 };
  expect(await ledger.insertKeyed([row])).toEqual([{ ...known, inserted: true }]);
  const other = newJob({ tenant: "keyed", id: await ids.derive("keyed", ["b"]), fp: "b" });
  const answers = await ledger.insertKeyed([{ ...row, fp: "second", at: noon + 5, payload: "[]" }, other]);
  expect(answers).toEqual([
    { ...known, inserted: false },
    { ...known, id: other.id, fp: "b", inserted: true },
  ]);
  expect(await stored(row)).toMatchObject({ payload: "{}", at: noon });
  expect((await listed("keyed")).toSorted()).toEqual([row.id, other.id].toSorted());
  const racing = newJob({ tenant: "keyed", id: await ids.derive("keyed", ["c"]) });
  const both = await Promise.all([ledger.insertKeyed([racing]), ledger.insertKeyed([racing])]);
  expect(
    both
      .flat()
      .map(({ inserted }) => inserted)
      .sort(),
  ).toEqual([false, true]);
});

test("a late row changes nothing of a job that is under way or over", async () => {
  const row = await one("late");
  await ledger.claim([messageOf(row)], lease("mine"));
  await ledger.settle([transition(row, { state: "retrying", bump: 1, attempt: 1, wake: noon + 5, ended: null })], "mine", noon);
  const [before, sides] = [await stored(row), await sideRows("late")];
  await ledger.insert([{ ...row, wake: noon + 600_000, due: noon + 1 }]);
  await ledger.claim([], lease("other"), { fresh: [{ ...row, wake: noon + 600_000 }] });
  expect([await stored(row), await sideRows("late")]).toEqual([before, sides]);
});

test("claim: not before it is due, not another payload, not what is cancelled, crashed or ahead of the message", async () => {
  const due = await one("claims", { due: noon + 5001, wake: noon + 600_000 });
  const soon = await one("claims", { due: noon + 5000, wake: noon + 600_000 });
  const other = await one("claims", { fp: "mine" });
  const ahead = await one("claims", { seq: 2 });
  const refs = [messageOf(due), messageOf(soon), { ...messageOf(other), fp: "theirs" }, { ...messageOf(ahead), seq: 1 }];
  const { claimed, found } = await ledger.claim(refs, lease("mine"));
  expect(claimed.map(({ id }) => id)).toEqual([soon.id]);
  expect(found.map(({ id }) => id).sort()).toEqual([due.id, other.id, ahead.id].sort());
  await ledger.release([soon], "mine");
  expect(await stored(soon)).toMatchObject({ state: "queued", runs: 0, seq: 0 });
});

test("deaths of a lone run are counted up to the attempts there are, those of a batch are not", async () => {
  const row = await one("deaths");
  await ledger.claim([messageOf(row)], { ...lease("t0"), until: noon });
  const attempts = [];
  for (let death = 1; death <= 5; death++) attempts.push((await ledger.claimAlone(messageOf(row), { ...lease(`t${death}`), until: noon }))?.attempt);
  expect(attempts).toEqual([0, 1, 2, 3, 3]);
});

test("claim: a job is what its row says, whether the ledger answered with its key alone or with its columns", async () => {
  const fresh = await one("answers", { at: noon - 7 });
  const later = await one("answers", { seq: 2 });
  const derived = newJob({ tenant: "answers", id: await ids.derive("answers", ["child"]), at: noon - 9 });
  await ledger.insert([derived]);
  await ledger.claim([messageOf(later)], lease("before"));
  await ledger.settle([transition(later, { state: "waiting", bump: 1, attempt: 1, reason: "w", cursor: "{}", wake: noon + 5, ended: null })], "before", noon);
  const refs = [messageOf(fresh), { ...messageOf(later), seq: 3 }, { ...messageOf(derived), at: noon + 3 }];
  const { claimed, found } = await ledger.claim(refs, lease("mine", noon + 10));
  expect(found).toEqual([]);
  for (const job of claimed) {
    const { max, ...facts } = job;
    expect(await stored(job)).toMatchObject({ ...facts, max });
  }
  expect(claimed.map(({ id }) => id).sort()).toEqual([fresh.id, later.id, derived.id].sort());
});
