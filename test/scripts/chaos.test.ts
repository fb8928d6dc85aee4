import { describe, expect, it } from "vitest";
import { setTimeout as passing } from "node:timers/promises";
import { together } from "../../scripts/chaos/break.ts";
import { Course } from "../../scripts/chaos/course.ts";
import type { Ledger, Row } from "../../scripts/chaos/ledger.ts";
import { type Act, Observed } from "../../scripts/chaos/observed.ts";
import { optionsFrom } from "../../scripts/chaos/options.ts";
import { type Kind, type Post, postsOf } from "../../scripts/chaos/posts.ts";
import { planned, type Ran } from "../../scripts/chaos/run.ts";
import type { Schedule } from "../../scripts/chaos/schedule.ts";
import { shrink } from "../../scripts/chaos/shrink.ts";
import { type PostedJob, send } from "../../scripts/chaos/sender.ts";
import type { Tenant } from "../../scripts/chaos/tenants.ts";
import { type Evidence, verdictOf } from "../../scripts/chaos/verdict.ts";
import { seeded } from "../../scripts/sandbox/faults.ts";
import type { Switches } from "../way/worker/switches.ts";

const quiet: Schedule = { seed: 1, length: 1000, mode: "local", faults: [] };

function row(id: string, more: Partial<Row> = {}): Row {
  const plain = { seq: 0, lease: "x", until: 0, runs: 1, attempt: 0, sent: 1, fp: null, parent: null, reason: null, result: null, key: null };
  return { tenant: "t0", id, type: "email", state: "done", ended: 2, ...plain, ...more };
}

function postedJob(n: number, kind: Kind, more: Partial<PostedJob> = {}): PostedJob {
  return { post: { at: 0, tenant: 0, kind, n, size: 1, keyed: false }, n, tenant: "t0", fate: "accepted", id: `job${n}`, ...more };
}

function act(provider: string, key: string, more: Partial<Act> = {}): Act {
  return { provider, path: `/t0-${provider}`, key, body: "{}", unheard: false, from: 0, to: 0, ...more };
}

interface Given {
  posted?: PostedJob[];
  rows?: Row[];
  mails?: Record<string, number>;
  acts?: Act[];
  more?: Partial<Evidence>;
  ledger?: Partial<Ledger>;
}

function verdict({ posted: all = [], rows = [], mails = {}, acts = [], more = {}, ledger = {} }: Given) {
  const observed = new Observed();
  observed.acts.push(...acts);
  for (const [address, times] of Object.entries(mails)) observed.mails.set(address, times);
  const counted = new Map(
    [...Map.groupBy(rows, ({ tenant, type }) => `${tenant} ${type}`)].map(([name, of]) => [name, of.filter(({ state }) => state === "done").length]),
  );
  const whole: Ledger = {
    rows: new Map(rows.map((each) => [each.id, each])),
    ...{
      analytics: new Set<string>(),
      submissions: new Map(),
      leads: 0,
      dangling: [],
      letters: new Map(),
      uncertain: new Set<string>(),
      givenUp: new Set<string>(),
      media: [],
      ...ledger,
    },
  };
  return verdictOf({
    schedule: quiet,
    sending: { posted: all, statuses: new Map(), wrong: [] },
    ...{
      observed,
      spans: [],
      remote: new Map(),
      ledger: whole,
      campaigns: [],
      differences: [],
      taken: [],
      foreign: [],
      counted,
      rest: { open: [], passed: 0 },
      ...more,
    },
  });
}

describe("the schedule", () => {
  it("is the same for the same seed and number of jobs, another for another seed, and only what is asked for", () => {
    expect(planned({ seed: 7, jobs: 1000 })).toEqual(planned({ seed: 7, jobs: 1000 }));
    expect(planned({ seed: 9, jobs: 1000 }).faults).not.toEqual(planned({ seed: 7, jobs: 1000 }).faults);
    expect(planned({ seed: 7, jobs: 1000, only: [1] }).faults).toEqual([planned({ seed: 7, jobs: 1000 }).faults[1]]);
  });

  it("kills no runtime where rows are written on demand", () => {
    const faults = (seeds: number[]) => seeds.flatMap((seed) => planned({ seed, jobs: 5000 }).faults);
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);
    expect(faults(seeds.filter((seed) => seed % 2 === 0)).filter(({ is }) => is === "kill")).toEqual([]);
  });

  it("names the option that is wrong", () => {
    expect(() => optionsFrom(["--jobs", "many"])).toThrow(/--jobs must be a whole number/);
  });
});

describe("the time of a schedule", () => {
  it("waits for a sender that is behind, and goes on by the clock when all is sent", async () => {
    const course = new Course();
    const reached: number[] = [];
    const all = [5, 10, 15].map((at) => course.reached(at).then(() => reached.push(at)));
    await passing(30);
    expect(reached).toEqual([]);
    await course.send(10);
    await Promise.all(all.slice(0, 2));
    expect(reached).toEqual([5, 10]);
    course.end();
    await Promise.all(all);
    expect(reached).toEqual([5, 10, 15]);
  });

  it("lets several bindings be in trouble at once, each until its own fault is over", () => {
    const db: Partial<Switches> = { db: "down", rates: { db: 0.2 } };
    const queue: Partial<Switches> = { queue: "down", rates: { queue: 1 } };
    expect(together([db, queue])).toMatchObject({ db: "down", queue: "down", kv: "up", rates: { db: 0.2, queue: 1 } });
    expect(together([queue])).toMatchObject({ db: "up", queue: "down", rates: { queue: 1 } });
  });
});

describe("the posts", () => {
  it("are of every kind, singly and by batch, and as many jobs as asked for", () => {
    const posts = postsOf(10_000, 3, 60_000, seeded(3));
    const jobs = posts.reduce((sum, { size }) => sum + size, 0);
    expect([jobs >= 10_000, jobs < 10_300, new Set(posts.map(({ kind }) => kind)).size]).toEqual([true, true, 13]);
    const share = posts.filter(({ size }) => size > 1).reduce((sum, { size }) => sum + size, 0) / jobs;
    expect([share > 0.4, share < 0.8]).toEqual([true, true]);
  });
});

describe("the verdict", () => {
  const to = "m1@t0.example";
  const good: Given = { posted: [postedJob(1, "email")], rows: [row("job1")], mails: { [to]: 1 } };

  it("holds for a run in which all went well", () => {
    expect(verdict(good)).toEqual({ wrong: [], doubts: [] });
  });

  it.each<[string, Given, RegExp]>([
    ["an accepted job without a row", { ...good, rows: [] }, /job1: accepted and lost/],
    ["a job that does not end", { ...good, rows: [row("job1", { state: "waiting", ended: null })] }, /never ends/],
    ["a mail that was sent twice", { ...good, mails: { [to]: 2 } }, /happened 2 times/],
    ["a mail that is done and was never sent", { ...good, mails: {} }, /never happened/],
    ["a mail to a stranger", { ...good, mails: { [to]: 1, "c9@t1.example": 1 } }, /was never written to/],
    ["one effect under two keys", { ...good, acts: [act("mail", "job1:send:0"), act("mail", "job1:send:1")] }, /under two keys/],
    ["a row of another tenant", { ...good, rows: [row("job1", { tenant: "t1" })] }, /was recorded for tenant t1/],
    ["a dead letter too few", { ...good, rows: [row("job1", { state: "dead" })] }, /has 0 dead letters/],
    ["a counter that is too high", { ...good, more: { counted: new Map([["t0 email", 2]]) } }, /2 are counted as done, and 1 are/],
    ["a counter that is too low without a reason", { ...good, more: { counted: new Map() } }, /1 are done, and 0 are counted/],
    ["a webhook that came twice without a reason", { acts: [act("make", "w1"), act("make", "w1")] }, /delivered 2 times/],
    ["a webhook that came twice, changed", { acts: [act("make", "w1", { unheard: true }), act("make", "w1", { body: "x" })] }, /different bodies/],
    ["more messages to Slack than jobs", { acts: [act("slack", "")] }, /0 jobs posted 1 messages/],
    ["a side row that is left", { ...good, ledger: { dangling: ["due of job1"] } }, /is left/],
    [
      "an event with two jobs for one destination",
      { rows: [row("e", { type: "event" }), row("a", { parent: "e" }), row("b", { parent: "e" })] },
      /made 2 jobs of type email/,
    ],
  ])("finds %s", (_what, given, sentence) => {
    expect(verdict(given).wrong).toEqual(expect.arrayContaining([expect.stringMatching(sentence)]));
  });

  it("lists a webhook that came twice where its first answer was lost", () => {
    const { wrong, doubts } = verdict({ acts: [act("make", "w1", { unheard: true }), act("make", "w1")] });
    expect([wrong, doubts.length]).toEqual([[], 1]);
  });

  it("lists one that came twice where its own timeline says that a run did not wait for the answer", () => {
    const { wrong, doubts } = verdict({ acts: [act("make", "w1"), act("make", "w1")], ledger: { givenUp: new Set(["w1"]) } });
    expect([wrong, doubts.length]).toEqual([[], 1]);
  });

  it("excuses such a repeat by a fault while the call was recorded, and by no other", () => {
    const twice = [act("make", "w1", { from: 50_000, to: 51_000 }), act("make", "w1", { from: 90_000, to: 90_000 })];
    const findings = (from: number, is: "kill" | "two-ticks") => {
      const { wrong, doubts } = verdict({ acts: twice, more: { spans: [{ fault: { at: from, is }, from, to: from + 1000 }] } });
      return [wrong.length, doubts.length];
    };
    expect([40_000, 50_500, 60_000, 65_000, 90_000].map((from) => findings(from, "kill"))).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
      [1, 0],
      [1, 0],
    ]);
    expect(findings(50_500, "two-ticks")).toEqual([1, 0]);
  });

  it("finds a campaign whose counts are not what recipients got", () => {
    const view = { state: "done", total: 2, queued: 0, sent: 2, failed: 0, suppressed: 0 };
    const campaigns = [{ id: "c", tenant: "t0", recipients: ["c0@t0.example", "c1@t0.example"], view }];
    expect(verdict({ mails: { "c0@t0.example": 1 }, more: { campaigns } }).wrong).toEqual([expect.stringContaining("1 got it")]);
  });
});

describe("a sender", () => {
  const post = (keyed: boolean): Post => ({ at: 0, tenant: 0, kind: "email", n: 1, size: 1, keyed });
  /** A tenant whose Worker answers so, one after the other; the last one to all that follow. */
  function answering(...statuses: number[]): Tenant {
    const ask = async () => {
      const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 0;
      return { status, text: "", headers: new Headers({ "retry-after": "1" }), body: status === 202 ? { id: "job1" } : null };
    };
    return { name: "t0", api: { ask } } as unknown as Tenant;
  }
  const fates = async (keyed: boolean, ...statuses: number[]) => {
    const { posted, wrong } = await send([post(keyed)], [answering(...statuses)], new Uint8Array(), new Course());
    return [posted.map(({ fate, id }) => [fate, id]), wrong.length];
  };

  it("takes an isolate that ended for no answer: it repeats what it may repeat, and the rest is unknown", async () => {
    expect(await fates(true, 599, 202)).toEqual([[["accepted", "job1"]], 0]);
    expect(await fates(false, 599)).toEqual([[["unknown", null]], 0]);
  });

  it("repeats a refusal, and reports an answer that must not be", async () => {
    expect(await fates(false, 429, 202)).toEqual([[["accepted", "job1"]], 0]);
    expect(await fates(false, 500)).toEqual([[["unknown", null]], 1]);
  });
});

describe("a counter-example", () => {
  it("is shrunk to the two faults that it takes together", async () => {
    const [seed, jobs] = [7, 2000];
    const all = planned({ seed, jobs }).faults.length;
    const culprits = [2, all - 1];
    let runs = 0;
    const runOnce = async ({ only }: { only?: readonly number[] | undefined }) => {
      runs++;
      return { verdict: { wrong: culprits.every((each) => only?.includes(each)) ? ["a job is lost"] : [], doubts: [] } } as unknown as Ran;
    };
    const first = await runOnce({ only: Array.from({ length: all }, (_, index) => index) });
    const { faults, ran } = await shrink({ seed, jobs, say: () => undefined }, first, runOnce);
    expect([faults, ran.verdict.wrong]).toEqual([culprits, ["a job is lost"]]);
    expect(runs).toBeLessThan(all * 2);
  });
});
