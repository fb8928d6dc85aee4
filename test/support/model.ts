import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { fingerprint } from "../../src/json/canonical";
import { enqueue } from "../../src/queue/enqueue";
import { cancel, retryNow } from "../../src/queue/operate";
import { sweep } from "../../src/queue/sweep";
import { sweepAfterMs } from "../../src/queue/placement";
import { createEngineBench } from "./engine";
import { createHandOver } from "./hand-over";
import { createChecker } from "./history/checker";
import { jobsIn } from "./history/events";
import { History } from "./history/history";
import { openWork } from "./invariants";
import { createOutside, type Isolate } from "./isolate";
import { createModelled } from "./modelled";
import type { Mutant } from "./mutant";
import { createNarrowGate } from "./narrow-gate";
import type { Ending } from "./script";
import type { Enqueue, Step } from "./steps";

export const tenant = "model";
const neighbour = "neighbour";
const names = { queue: "events", type: "modelled", tenant };
/** So much later a request may still write its row: the platform gives it half a minute, the walk behind it five. Milliseconds. */
const latest = sweepAfterMs / 2;

export interface Accepted {
  tenant: string;
  id: string;
  script: Ending[];
  strict: boolean;
  gated: boolean;
  fp: string | undefined;
}

/** The engine with its real ledger, driven step by step through everything that can go wrong. */
export function createModel(mutant: Mutant | null = null) {
  const bench = createEngineBench({ jobs: [], gates: createNarrowGate() });
  const violations: string[] = [];
  const history = new History(bench.now);
  const checker = createChecker();
  const { calls, jobsFor } = createModelled(history, () => ({ now: bench.now, alive, count }), mutant);
  const { state, makeIsolate, alive, count, die } = createOutside(bench.engine, history, jobsFor, mutant);
  const handOver = createHandOver({ bench, history, die, mutant, violations });
  let checked = 0;
  const slow: { isolate: Isolate; end: Promise<void> }[] = [];
  const late: { isolate: Isolate; work: () => Promise<unknown>; at: number }[] = [];
  const world = {
    bench,
    step,
    heal,
    history,
    wrong,
    accepted: [] as Accepted[],
    /** Ids of jobs whose cancel was requested. */
    cancelled: new Set<string>(),
    revived: new Set<string>(),
    /** Calls that reached the provider, by idempotency key. */
    calls,
    /** True while nothing happened that makes a call to a provider uncertain or counts attempts. */
    clean: true,
    violations,
    ledgerUp: () => state.ledger === "up",
  };
  return world;

  /** What the history broke since the last call, as sentences. */
  function wrong(): string[] {
    return history.events.slice(checked, (checked = history.events.length)).flatMap((event) => checker.take(event));
  }

  async function step(next: Step): Promise<void> {
    if ("dies" in next && next.dies !== null) world.clean = false;
    switch (next.do) {
      case "enqueue":
        return put(next);
      case "deliver":
        return deliver(next);
      case "deliver-slowly":
        return deliverSlowly(next);
      case "overtake":
        // The lease of the slow run ended long ago, and the next run is slow as well.
        bench.advance(700_000);
        await step({ do: "tick", dies: null });
        return deliverSlowly(next);
      case "go-on":
        return goOn(next);
      case "duplicate": {
        const held = at(bench.held, next.which);
        if (held) bench.held.push({ ...held, id: crypto.randomUUID(), body: structuredClone(held.body) });
        return;
      }
      case "lose":
        return lose(next.which);
      case "cancel":
        return cancelOne(next.which);
      case "retry-now":
        return retryOne(next);
      case "ledger":
        state.ledger = next.is;
        if (next.is !== "up") world.clean = false;
        return;
      case "send":
        state.send = next.is;
        return;
      case "pause":
        await env.DB.prepare("INSERT OR REPLACE INTO pauses (tenant, scope, name, at) VALUES (?, ?, ?, 0)").bind("*", next.scope, names[next.scope]).run();
        return;
      case "lift":
        await env.DB.prepare("DELETE FROM pauses WHERE scope = ?").bind(next.scope).run();
        return;
      case "late-rows":
        for (const { isolate, work, at } of late.splice(0)) if (!isolate.dead && bench.now() - at <= latest) await work();
        return;
      case "heavy": {
        const mark = { tenant: next.other ? neighbour : tenant, queue: names.queue };
        await makeIsolate()
          .engine.ledger.markHeavy(mark, bench.now())
          .catch(() => undefined);
        return;
      }
      case "advance":
        bench.advance(next.ms);
        return;
      case "tick": {
        const isolate = makeIsolate({ dies: next.dies });
        await sweep(isolate.engine, bench.now()).catch(() => undefined);
        return;
      }
    }
  }

  async function put({ key, script, strict, delay, late: slowly, dies, other = false, gated = false, old = false, beside = 0 }: Enqueue): Promise<void> {
    const isolate = makeIsolate({ dies, old });
    isolate.engine.ledgerFirst = !slowly;
    isolate.engine.later = (_, work) => late.push({ isolate, work, at: bench.now() });
    const payload = { script, strict, ...(old ? {} : { gated }) };
    const who = other ? neighbour : tenant;
    const request = { tenant: who, type: "modelled", payload, ...(key === null ? {} : { key: `key-${key}` }), delaySeconds: delay };
    const { key: _, ...unkeyed } = { key: undefined, ...request };
    const receipts = await enqueue(isolate.engine, [request, ...Array.from({ length: beside }, () => unkeyed)]);
    if (isolate.dead) return;
    for (const [index, receipt] of receipts.entries()) {
      if (!receipt.ok) continue;
      history.note({ is: "accepted", tenant: who, id: receipt.id });
      const fp = key === null || index > 0 ? undefined : await fingerprint(payload);
      world.accepted.push({ tenant: who, id: receipt.id, script, strict, gated, fp });
    }
  }

  async function deliver({ pick, split, dies, old = false, skew = 0 }: Step & { do: "deliver" }): Promise<void> {
    const ready = bench.held.filter(({ at: time }) => time <= bench.now());
    const chosen = ready.filter((_, index) => (pick >> (index % 8)) & 1);
    // A batch is of one queue.
    const parts = [...Map.groupBy(chosen, ({ queue }) => queue).values()].flatMap((all) => {
      const half = split ? Math.floor(all.length / 2) : 0;
      return [all.slice(0, half), all.slice(half)].filter(({ length }) => length > 0);
    });
    await Promise.all(parts.map((part, index) => handOver(part, makeIsolate({ dies: index === 0 ? dies : null, old, skew }))));
  }

  async function deliverSlowly({ which, when }: Step & { do: "deliver-slowly" | "overtake" }): Promise<void> {
    const ready = bench.held.filter(({ at: time }) => time <= bench.now());
    const held = at(ready, which);
    if (!held || slow.length >= 3) return;
    world.clean = false;
    const isolate = makeIsolate();
    isolate.stop = when;
    const end = handOver([held], isolate);
    await Promise.race([end, isolate.stopped.promise]);
    slow.push({ isolate, end });
  }

  async function goOn({ which, dies }: Step & { do: "go-on" }): Promise<void> {
    const one = at(slow, which);
    if (!one) return;
    slow.splice(slow.indexOf(one), 1);
    one.isolate.dies = dies;
    one.isolate.resume.resolve();
    await one.end;
  }

  async function lose(which: number): Promise<void> {
    const held = at(bench.held, which);
    if (!held) return;
    for (const { id, fp } of jobsIn(held.body)) {
      const row = await env.DB.prepare("SELECT fp FROM jobs WHERE id = ?").bind(id).first<{ fp: string | null }>();
      if (!row || row.fp !== fp) return;
    }
    bench.held.splice(bench.held.indexOf(held), 1);
  }

  async function cancelOne(which: number): Promise<void> {
    const one = at(world.accepted, which);
    if (!one) return;
    world.cancelled.add(one.id);
    await cancel(makeIsolate().engine, one).catch(() => null);
  }

  async function retryOne({ which, dies }: Step & { do: "retry-now" }): Promise<void> {
    const one = at(world.accepted, which);
    if (!one) return;
    world.revived.add(one.id);
    history.note({ is: "brought-back", tenant: one.tenant, id: one.id });
    await retryNow(makeIsolate({ dies }).engine, [one], { event: "retried" }).catch(() => []);
  }

  /** Everything works again and the clock runs on until nothing is left to do. */
  async function heal(rounds = 300): Promise<void> {
    state.ledger = state.send = "up";
    while (slow.length > 0) await goOn({ do: "go-on", which: 0, dies: null });
    for (const scope of ["queue", "type", "tenant"] as const) await step({ do: "lift", scope });
    await step({ do: "late-rows" });
    for (let round = 0; round < rounds; round++) {
      await step({ do: "tick", dies: null });
      while (bench.held.some(({ at: time }) => time <= bench.now())) await step({ do: "deliver", pick: 255, split: false, dies: null });
      const { next } = (await env.DB.prepare("SELECT min(at) AS next FROM (SELECT at FROM due UNION ALL SELECT ?1 FROM parked)")
        .bind(bench.now())
        .first<{ next: number | null }>()) ?? { next: null };
      const open = await env.DB.prepare("SELECT 1 FROM jobs WHERE ended IS NULL").first();
      if (next === null && bench.held.length === 0 && !open) return history.note({ is: "rest" });
      const times = [...bench.held.map(({ at: time }) => time), ...(next === null ? [] : [next]), ...(open ? [bench.now() + 660_000] : [])];
      bench.advance(Math.max(60_000, Math.min(...times) - bench.now()));
    }
    violations.push(`it does not come to rest: ${await openWork(bench)}`);
    history.note({ is: "rest" });
  }
}

export type Model = ReturnType<typeof createModel>;

/** Pauses between two tries of the same call pass at once; time-outs of runs stay. */
export function skipPauses(): void {
  const original = globalThis.setTimeout;
  vi.stubGlobal("setTimeout", (work: () => void, ms: number) => original(work, ms <= 2000 ? 0 : ms));
}

function at<T>(all: readonly T[], which: number): T | undefined {
  return all[which % Math.max(1, all.length)];
}
