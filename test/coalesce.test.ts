import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { coalescing } from "../src/coalesce";
import { recordingDb } from "./support/recorder";

beforeAll(async () => void (await env.DB.exec("CREATE TABLE words (word TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n < 100))")));
beforeEach(async () => void (await env.DB.exec("DELETE FROM words")));

function bench(fail?: () => boolean) {
  const { db, counts } = recordingDb(fail ? { fail } : {});
  const shared = coalescing(db, () => undefined);
  const add = (word: string, n: number) => shared.prepare("INSERT INTO words (word, n) VALUES (?1, ?2) RETURNING n").bind(word, n);
  return { shared, counts, add };
}

const words = async () => (await env.DB.prepare("SELECT word FROM words ORDER BY word").all<{ word: string }>()).results.map(({ word }) => word).join("");
const statuses = (results: readonly PromiseSettledResult<unknown>[]) => results.map(({ status }) => status === "fulfilled");

test("an order that the database refuses fails alone and whole, its neighbours are done once", async () => {
  const { shared, add } = bench();
  const orders = [
    add("a", 1).run(),
    add("b", 100).run(),
    shared.batch([add("c", 1), add("a", 2)]),
    shared.prepare("SELECT missing").first(),
    add("d", 1).run(),
  ];
  const results = await Promise.allSettled(orders);
  expect(statuses(results)).toEqual([true, false, false, false, true]);
  expect(results.flatMap((each) => (each.status === "rejected" ? [String(each.reason)] : []))).toEqual([
    expect.stringContaining("CHECK constraint failed"),
    expect.stringContaining("UNIQUE constraint failed"),
    expect.stringContaining("no such column"),
  ]);
  expect(await words()).toBe("ad");
});

test("an error that leaves open what was written rejects each caller, and nothing is repeated", async () => {
  let trips = 0;
  const { add } = bench(() => ++trips > 0);
  const results = await Promise.allSettled(["a", "b", "c"].map((word) => add(word, 1).run()));
  expect(statuses(results)).toEqual([false, false, false]);
  expect(trips).toBe(2);
});

test("many at once are few trips, and each gets its own answer", async () => {
  const { shared, counts, add } = bench();
  const both = (word: string) => shared.batch<{ n: number; total: number }>([add(word, 7), shared.prepare("SELECT count(*) AS total FROM words")]);
  const [one, two, none, column, ran, batched] = await Promise.all([
    add("a", 1).first(),
    add("b", 2).all(),
    shared.prepare("SELECT word FROM words WHERE n > ?1").bind(50).first(),
    shared.prepare("SELECT n FROM words WHERE word = 'b'").first("n"),
    add("c", 3).run(),
    both("d"),
  ]);
  expect(counts.batches).toBe(2);
  expect([one, two.results, none, column, ran.meta.changes]).toEqual([{ n: 1 }, [{ n: 2 }], null, 2, 1]);
  expect(batched.map(({ results }) => results)).toEqual([[{ n: 7 }], [{ total: 4 }]]);
});
