import { expect, test, vi } from "vitest";
import { GroupCommit, type GroupOptions } from "../src/group-commit";

/** A group commit whose writes end when the test ends them. */
/** Time limit of what comes within microtasks. */
const patiently = { timeout: 60_000 };

function slowly(options?: GroupOptions) {
  const writes: { items: readonly string[]; end: PromiseWithResolvers<void> }[] = [];
  const deferred: Promise<unknown>[] = [];
  const commit = new GroupCommit<string, string>(
    (items) => {
      const end = Promise.withResolvers<void>();
      writes.push({ items, end });
      return end.promise.then(() => items.map((item) => item.toUpperCase()));
    },
    (promise) => deferred.push(promise),
    options,
  );
  return { commit, writes, deferred, written: () => writes.map(({ items }) => items) };
}

test("a failing write rejects its own group and no other", async () => {
  const { commit, writes, deferred, written } = slowly();
  const first = commit.add(["a"]);
  const second = [commit.add(["b"]), commit.add(["c", "d"])];
  expect(written()).toEqual([["a"]]);
  writes[0]?.end.reject(new Error("D1 is down"));
  await expect(first).rejects.toThrow("D1 is down");
  await vi.waitFor(() => expect(written()).toEqual([["a"], ["b", "c", "d"]]), patiently);
  const third = commit.add(["e"]);
  writes[1]?.end.resolve();
  await expect(Promise.all(second)).resolves.toEqual([["B"], ["C", "D"]]);
  await vi.waitFor(() => expect(writes).toHaveLength(3), patiently);
  writes[2]?.end.reject(new Error("again"));
  await expect(third).rejects.toThrow("again");
  await Promise.all(deferred);
  const fourth = commit.add(["f"]);
  writes[3]?.end.resolve();
  await expect(fourth).resolves.toEqual(["F"]);
});

test("one write takes so many items, and more only of one caller", async () => {
  const { commit, writes, written } = slowly({ maxItems: 3 });
  const all = ["a", "b", "c", "defg", "h", "i"].map((letters) => commit.add([...letters]));
  for (let next = 0; next < 4; next++) {
    await vi.waitFor(() => expect(writes).toHaveLength(next + 1), patiently);
    writes[next]?.end.resolve();
  }
  expect((await Promise.all(all)).flat().join("")).toBe("ABCDEFGHI");
  expect(written()).toEqual([["a"], ["b", "c"], ["d", "e", "f", "g"], ["h", "i"]]);
});

test("that waits for company writes what came meanwhile at once", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { commit, writes, written } = slowly({ lingerMs: 10 });
    const [one, two] = [commit.add(["a"]), commit.add(["b"])];
    await vi.advanceTimersByTimeAsync(9);
    expect(written()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(written()).toEqual([["a", "b"]]);
    writes[0]?.end.resolve();
    expect(await Promise.all([one, two])).toEqual([["A"], ["B"]]);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("nothing to write is no write", async () => {
  const { commit, writes } = slowly();
  await expect(commit.add([])).resolves.toEqual([]);
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
    await expect(next).resolves.toEqual(["D"]);
    writes[0]?.end.resolve();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
