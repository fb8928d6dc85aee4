// npm run bench, part throughput: jobs without effect from the call until they are done, and processing alone.
import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { usageOfRuntimes } from "../cpu.ts";
import { startJobyard } from "../jobyard.ts";
import { atLeast, type Figure, notMeasured, ratios, type Section } from "../report.ts";
import type { Run } from "../run.ts";
import { root } from "../worker.ts";

/** Jobs a second of each round. */
interface Rates {
  atOnce: number[];
  processing: number[];
}

export async function throughput(run: Run): Promise<Section> {
  const count = run.quick ? 2000 : 20_000;
  const rounds = run.quick ? 1 : 3;
  const levels = run.quick ? [100] : [1, 50, 100];
  const jobyard = await startThroughput(run);
  const ackOnly = await startAckOnly(run);
  const own: Rates = { atOnce: [], processing: [] };
  const bare: Rates = { atOnce: [], processing: [] };
  const bulls = levels.map((concurrency) => ({ concurrency, atOnce: [] as number[], processing: [] as number[] }));
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = usageOfRuntimes()?.cpuMs ?? NaN;
    own.atOnce.push(await jobyard.atOnce(count));
    cpu.push(((usageOfRuntimes()?.cpuMs ?? NaN) - before) / count);
    own.processing.push(await jobyard.processing(count));
    bare.atOnce.push(await ackOnly.atOnce(count));
    bare.processing.push(await ackOnly.processing(count));
    for (const each of typeof run.bull === "string" ? [] : bulls) {
      each.atOnce.push(await bullRate(run, "at-once", count, each.concurrency));
      each.processing.push(await bullRate(run, "processing", count, each.concurrency));
    }
    run.say(`throughput, round ${round + 1} of ${rounds}`);
  }
  return {
    key: "throughput",
    title: "Throughput",
    how: `${count.toLocaleString("en")} jobs that do nothing, sent by the batch call; the clock stops when the ledger has them as done. "Processing alone": all wait in the queue before the clock starts. The contenders take turns in each round. Jobyard as deployed (rows beside the messages); BullMQ adds and processes in one process over a Redis that writes its append-only file every second.`,
    figures: [...figuresOf("Jobyard", own), ...figuresOf("a Worker that only acknowledges", bare), ...bullFigures(run, bulls, own), ...cpuFigure(cpu)],
  };
}

interface Measured {
  atOnce(count: number): Promise<number>;
  processing(count: number): Promise<number>;
}

async function startThroughput({ bench }: Run): Promise<Measured> {
  const jobyard = await startJobyard(bench, { name: "throughput" });
  let sum = 0;
  return {
    atOnce: async (count) => {
      const begun = performance.now();
      await jobyard.batch(count);
      return (count * 1000) / (await jobyard.untilDone((sum += count), begun));
    },
    processing: async (count) => {
      await jobyard.control("hold");
      await jobyard.batch(count);
      const begun = performance.now();
      await jobyard.control("go");
      return (count * 1000) / (await jobyard.untilDone((sum += count), begun));
    },
  };
}

async function startAckOnly({ bench }: Run): Promise<Measured> {
  const url = await bench.plain("ack-only", {
    name: "ack-only",
    main: join(root, "scripts", "bench", "ack-only.ts"),
    compatibility_date: "2026-10-01",
    queues: { producers: [{ binding: "QUEUE", queue: "ack-only" }], consumers: [{ queue: "ack-only", max_batch_size: 100, max_batch_timeout: 1 }] },
  });
  const ask = async (path: string) => ((await (await fetch(url + path)).json()) as { taken: number }).taken;
  const untilTaken = async (count: number, begun: number) => {
    while ((await ask("/")) < count) await passing(20);
    return performance.now() - begun;
  };
  let sum = 0;
  return {
    atOnce: async (count) => {
      const begun = performance.now();
      await ask(`/send?count=${count}`);
      return (count * 1000) / (await untilTaken((sum += count), begun));
    },
    processing: async (count) => {
      await ask("/hold");
      await ask(`/send?count=${count}`);
      const begun = performance.now();
      await ask("/go");
      return (count * 1000) / (await untilTaken((sum += count), begun));
    },
  };
}

async function bullRate({ bull }: Run, kind: "at-once" | "processing", count: number, concurrency: number): Promise<number> {
  if (typeof bull === "string") throw new Error(bull);
  return (count * 1000) / ((await bull.ask({ do: kind, count, concurrency })) as number);
}

function figuresOf(name: string, { atOnce, processing }: Rates): Figure[] {
  return [
    { what: `${name}: call to done`, unit: "jobs/s", rounds: atOnce },
    { what: `${name}: processing alone`, unit: "jobs/s", rounds: processing },
  ];
}

/** The goals are those of design §9, against BullMQ at its highest concurrency. */
function bullFigures({ bull }: Run, bulls: readonly (Rates & { concurrency: number })[], own: Rates): Figure[] {
  if (typeof bull === "string") return [notMeasured("BullMQ", bull)];
  const most = bulls.reduce((left, right) => (right.concurrency > left.concurrency ? right : left));
  const over = `Jobyard over BullMQ (${most.concurrency})`;
  return [
    ...bulls.flatMap((each) => figuresOf(`BullMQ, concurrency ${each.concurrency}`, each)),
    { what: `${over}: call to done`, unit: "×", rounds: ratios(own.atOnce, most.atOnce), goal: atLeast(1, "≥ 1.0 (aim 1.5)") },
    { what: `${over}: processing alone`, unit: "×", rounds: ratios(own.processing, most.processing), goal: atLeast(0.9, "≥ 0.9 (aim 1.2)") },
  ];
}

function cpuFigure(cpu: readonly number[]): Figure[] {
  const what = "Jobyard: processor time of the runtime, call to done";
  return cpu.some(Number.isNaN) ? [notMeasured(what, "this system has no /proc")] : [{ what, unit: "ms/job", rounds: cpu }];
}
