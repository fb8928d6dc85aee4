import { expect, test } from "vitest";
import { spansOf } from "../../src/dashboard/job/waterfall";

const noon = Date.UTC(2026, 10, 21, 12);
const at = (seconds: number) => new Date(noon + seconds * 1000).toISOString();
const entry = (event: string, seconds: number, more: { ms?: number; times?: number; last?: number } = {}) => ({
  ...{ at: at(seconds), event, detail: null, startedAt: null, ms: more.ms ?? null, times: more.times ?? 1 },
  lastAt: at(more.last ?? seconds),
});
const drawn = (timeline: ReturnType<typeof entry>[], state: "done" | "running" | "waiting", end: number) =>
  spansOf({ timeline, state }, noon + end * 1000).map(({ lane, from, to, kind }) => `${lane} ${(from - noon) / 1000}–${(to - noon) / 1000} ${kind}`);

test("a job's life is waits and runs without a gap: how each run ended is its colour", () => {
  const life = [
    entry("queued", 0),
    entry("running", 2),
    entry("again", 5, { ms: 3000 }),
    entry("retry", 8, { ms: 1000 }),
    entry("checkpoint", 9),
    entry("done", 20, { ms: 4000 }),
  ];
  expect(drawn(life, "done", 20)).toEqual(["waits 0–2 rest", "runs 2–5 moving", "waits 5–7 rest", "runs 7–8 held", "waits 8–16 held", "runs 16–20 well"]);
});

test("a wait that repeated is one bar, and what is under way reaches to now", () => {
  expect(drawn([entry("queued", 0), entry("waiting", 1, { times: 12, last: 60 })], "waiting", 90)).toEqual(["waits 0–1 rest", "waits 1–90 held"]);
  expect(drawn([entry("queued", 0), entry("running", 1), entry("again", 3, { ms: 2000 }), entry("running", 4)], "running", 9)).toEqual([
    "waits 0–1 rest",
    "runs 1–3 moving",
    "waits 3–4 rest",
    "runs 4–9 moving",
  ]);
});
