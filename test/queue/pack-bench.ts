import { type EngineBench, type BenchOptions, createEngineBench, idOf } from "../support/engine";
import { jobsIn } from "../support/history/events";

export const minute = 60_000;

export const fine = { script: [{ do: "done" }] };

export const sizes = (bench: EngineBench) => bench.held.map(({ body }) => jobsIn(body).length);

export const generations = (bench: EngineBench) =>
  bench.held
    .flatMap(({ body }) => jobsIn(body))
    .map(({ id, seq }) => `${id} ${seq}`)
    .toSorted();
export const states = (bench: EngineBench) => bench.all("SELECT state, count(*) AS n FROM jobs GROUP BY state ORDER BY state");

export async function withJobs(payloads: readonly unknown[], options: BenchOptions = {}): Promise<{ bench: EngineBench; ids: string[] }> {
  const bench = createEngineBench({ pack: 25, ...options });
  return { bench, ids: (await bench.accept(payloads.map((payload) => ({ payload })))).map(idOf) };
}

export const many = (count: number, payload: unknown = fine) => Array.from({ length: count }, () => payload);

/** Counts the calls of the ledger from here on, by name. */
export function countCalls(bench: EngineBench): Map<string, number> {
  const calls = new Map<string, number>();
  bench.engine.ledger = new Proxy(bench.engine.ledger, {
    get: (target, name) => {
      calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
      return target[name as keyof typeof target];
    },
  });
  return calls;
}
