import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { brokenIn } from "../support/history/checker";
import type { HistoryEvent, SeenRow } from "../support/history/events";
import { emptyLedger } from "../support/invariants";
import { createModel, skipPauses } from "../support/model";
import type { Mutant } from "../support/mutant";
import { mutants } from "../support/mutants";

beforeAll(skipPauses);
afterAll(() => void vi.unstubAllGlobals());

test.for(mutants)("the checker catches: $name", async (mutant) => {
  expect(await sentences(mutant.steps, null), "without the mutant").toEqual([]);
  expect((await sentences(mutant.steps, mutant)).join("\n"), "with the mutant").toMatch(mutant.caughtBy);
});

/** What the checker reports on these steps, at most until it has caught the mutant. */
async function sentences(steps: Mutant["steps"], mutant: Mutant | null): Promise<string[]> {
  await emptyLedger();
  const world = createModel(mutant);
  const wrong: string[] = [];
  for (const each of steps) {
    await world.step(each);
    wrong.push(...world.wrong());
    if (mutant && wrong.some((sentence) => mutant.caughtBy.test(sentence))) return wrong;
  }
  await world.heal(mutant ? 30 : undefined);
  return [...wrong, ...world.wrong()];
}

const one = { tenant: "a", id: "one" };
const row = (more: Partial<SeenRow>): SeenRow => ({
  ...{ ...one, state: "queued", seq: 0, lease: null, until: 0, runs: 0, attempt: 0, sent: 0, ended: null, fp: null },
  ...more,
});

test("the checker catches: acknowledge a pack of which one job has no answer", () => {
  const change = (id: string, state: SeenRow["state"], before?: SeenRow): HistoryEvent => ({
    ...{ is: "row", isolate: 1, call: state === "done" ? "settle" : "claim", at: 0, before },
    row: row({ id, state, lease: "token", until: 9, runs: 1, ended: state === "done" ? 1 : null }),
  });
  const jobs = ["one", "two"].map((id) => ({ tenant: "a", id, seq: 0, fp: null }));
  const history: HistoryEvent[] = [
    { is: "delivered", message: "m", queue: "events", jobs, isolate: 1 },
    change("one", "running"),
    change("two", "running"),
    change("one", "done", row({ id: "one", state: "running", lease: "token", until: 9, runs: 1 })),
    { is: "acked", message: "m", isolate: 1 },
  ];
  expect(brokenIn(history)).toEqual(["two: acknowledged before its outcome was recorded (running, generation 0)"]);
});

test("the checker reports nothing wrong of a job that is accepted, run and done", () => {
  const running = row({ state: "running", lease: "token", until: 9, runs: 1 });
  const history: HistoryEvent[] = [
    { is: "sent", queue: "events", isolate: 1, ...one, seq: 0 },
    { is: "accepted", ...one },
    { is: "delivered", message: "m", queue: "events", jobs: [{ ...one, seq: 0, fp: null }], isolate: 2 },
    { is: "row", row: running, before: undefined, isolate: 2, call: "claim", at: 1 },
    { is: "started", ...one, isolate: 2, gates: [], at: 1 },
    { is: "called", ...one, effect: "send", key: "one:send:0", remembers: false },
    { is: "ended", ...one, isolate: 2, end: "done" },
    { is: "row", row: { ...running, state: "done", ended: 2 }, before: running, isolate: 2, call: "settle", at: 2 },
    { is: "announced", ...one, state: "done", isolate: 2 },
    { is: "acked", message: "m", isolate: 2 },
    { is: "rest" },
  ];
  expect(brokenIn(history)).toEqual([]);
});
