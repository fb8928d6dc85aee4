import { expect, test, vi } from "vitest";
import { env } from "cloudflare:workers";
import { GroupCommit } from "../../src/ledger/commit";
import { createLedger } from "../../src/ledger/ledger";
import { recordingDb } from "../support/recorder";
import { newJobs } from "../support/rows";

/** A group commit whose writes end when the test says so. */
function slowly() {
  const writes: { items: readonly string[]; end: PromiseWithResolvers<void> }[] = [];
  const deferred: Promise<unknown>[] = [];
  const commit = new GroupCommit<string>(
    (items) => {
      const end = Promise.withResolvers<void>();
      writes.push({ items, end });
      return end.promise;
    },
    (promise) => deferred.push(promise),
  );
  return { commit, writes, deferred, written: () => writes.map(({ items }) => items) };
}

test("a failing write rejects its own group and nobody else", async () => {
  const { commit, writes, deferred, written } = slowly();
  const first = commit.add(["a"]);
  const second = [commit.add(["b"]), commit.add(["c", "d"])];
  expect(written()).toEqual([["a"]]);
  writes[0]?.end.reject(new Error("D1 is down"));
  await expect(first).rejects.toThrow("D1 is down");
  await vi.waitFor(() => expect(written()).toEqual([["a"], ["b", "c", "d"]]));
  const third = commit.add(["e"]);
  writes[1]?.end.resolve();
  await expect(Promise.all(second)).resolves.toHaveLength(2);
  await vi.waitFor(() => expect(writes).toHaveLength(3));
  writes[2]?.end.reject(new Error("again"));
  await expect(third).rejects.toThrow("again");
  await Promise.all(deferred);
  const fourth = commit.add(["f"]);
  writes[3]?.end.resolve();
  await expect(fourth).resolves.toBeUndefined();
});

test("nothing to write is no write", async () => {
  const { commit, writes } = slowly();
  await expect(commit.add([])).resolves.toBeUndefined();
  expect(writes).toEqual([]);
});

test("when the request that leads goes away with its write, those behind it write on their own", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { commit, writes, written } = slowly();
    const gone = commit.add(["a"]);
    const lost = gone.catch(String);
    const behind = commit.add(["b"]);
    const third = commit.add(["c"]);
    expect(written()).toEqual([["a"]]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(written()).toEqual([["a"], ["b", "c"]]);
    writes[1]?.end.resolve();
    await expect(Promise.all([behind, third])).resolves.toHaveLength(2);
    await vi.advanceTimersByTimeAsync(7000);
    expect(await lost).toContain("did not end in time");
    const next = commit.add(["d"]);
    expect(written()).toHaveLength(3);
    writes[2]?.end.resolve();
    await expect(next).resolves.toBeUndefined();
    writes[0]?.end.resolve();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("many requests at once are two round trips, and each row is there when its request is answered", async () => {
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  const rows = await newJobs("many", 40);
  await Promise.all(rows.map((row) => ledger.insert([row])));
  expect(counts.batches).toBe(2);
  expect(await env.DB.prepare("SELECT count(*) AS n FROM jobs WHERE tenant = 'many'").first("n")).toBe(40);
});
