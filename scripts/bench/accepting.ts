// Used by the benchmarks of this folder: what accepting costs, as a multiple of a bare Worker that only calls send().
import { join } from "node:path";
import { percentile, type Post, postAll } from "./posts.ts";
import { root, type Workbench } from "./worker.ts";

export interface Contender {
  name: string;
  /** The nth post to it. */
  post(n: number): Post;
}

export interface Cost {
  name: string;
  /** Milliseconds. */
  p50: number;
  /** Of the first contender's. */
  ratio: number;
  /** Answers other than 200 and 202. */
  failed: number;
  rounds: Round[];
}

/** Milliseconds, and answers a second. */
export interface Round {
  p50: number;
  p90: number;
  p99: number;
  rate: number;
}

/** In turn and in many rounds, so that what else the machine does hits all of them alike. The first one is what the others are measured by. */
export async function compare(contenders: readonly Contender[], connections: number, { rounds = 6, perRound = 320 } = {}): Promise<Cost[]> {
  const all = contenders.map((contender) => ({ contender, times: [] as number[], failed: 0, rounds: [] as Round[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const each of all) {
      const begun = performance.now();
      const posted = await postAll(
        Array.from({ length: perRound }, (_, n) => each.contender.post(round * perRound + n)),
        connections,
      );
      const seconds = (performance.now() - begun) / 1000;
      each.failed += posted.filter(({ status }) => status !== 200 && status !== 202).length;
      const times = posted.map(({ ms }) => ms);
      const at = (percent: number) => percentile(times, percent);
      // The first round warms up.
      if (round === 0) continue;
      each.times.push(...times);
      each.rounds.push({ p50: at(50), p90: at(90), p99: at(99), rate: posted.length / seconds });
    }
  }
  const base = percentile(all[0]?.times ?? [], 50);
  return all.map(({ contender: { name }, times, failed, rounds: measured }) => {
    const p50 = percentile(times, 50);
    return { name, p50, ratio: p50 / base, failed, rounds: measured };
  });
}

/** A bare Worker without a consumer, as the Worker it is compared with. */
export async function bareWorker(bench: Workbench): Promise<string> {
  return bench.plain("bare", {
    name: "bare",
    main: join(root, "scripts", "bench", "bare.ts"),
    compatibility_date: "2026-10-01",
    queues: { producers: [{ binding: "QUEUE", queue: "bare" }] },
  });
}
