// npm run bench, part pick-up: from the call to the beginning of the run, with nothing else to do and under load.
import { setTimeout as passing } from "node:timers/promises";
import { type Jobyard, startJobyard } from "../jobyard.ts";
import { percentile } from "../posts.ts";
import { type Figure, notMeasured, type Section } from "../report.ts";
import type { Run } from "../run.ts";

export async function pickUp(run: Run): Promise<Section> {
  const [count, load] = run.quick ? [5, 1000] : [20, 10_000];
  const rounds = run.quick ? 1 : 3;
  const jobyard = await startJobyard(run.bench, { name: "pick-up" });
  const kinds = [
    { what: "idle", load: 0, own: [] as number[][], bull: [] as number[][] },
    { what: `while ${load.toLocaleString("en")} others are worked off`, load, own: [] as number[][], bull: [] as number[][] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      kind.own.push(await measure(jobyard, count, kind.load));
      if (typeof run.bull !== "string") kind.bull.push((await run.bull.ask({ do: "pick-up", count, load: kind.load })) as number[]);
    }
    run.say(`pick-up, round ${round + 1} of ${rounds}`);
  }
  const own = kinds.flatMap((kind) => figuresOf(`Jobyard, ${kind.what}`, kind.own));
  const bull = typeof run.bull === "string" ? [notMeasured("BullMQ", run.bull)] : kinds.flatMap((kind) => figuresOf(`BullMQ, ${kind.what}`, kind.bull));
  return {
    key: "pick-up",
    title: "Pick-up",
    how: `${count} jobs one after the other, from before the call to the first line of the run. A queue waits up to its batch time-out (1 s here) for a batch to fill, so an idle pick-up by Jobyard is near that, locally as on Cloudflare.`,
    figures: [...own, ...bull],
  };
}

async function measure(jobyard: Jobyard, count: number, load: number): Promise<number[]> {
  const others = load > 0 ? jobyard.batch(load) : Promise.resolve([]);
  const posted = new Map<string, number>();
  for (let n = 0; n < count; n++) {
    const begun = Date.now();
    const { id } = (await jobyard.tenant.ask("POST", "/v1/jobs", { type: "noop", payload: { n, noted: true } })) as { id: string };
    posted.set(id, begun);
    if (load === 0) await startsOf(jobyard, [id]);
  }
  await others;
  const starts = await startsOf(jobyard, [...posted.keys()]);
  return [...posted].map(([id, begun]) => (starts[id] ?? NaN) - begun);
}

async function startsOf({ control }: Jobyard, ids: readonly string[]): Promise<Record<string, number>> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const starts = await control<Record<string, number>>("starts");
    if (ids.every((id) => starts[id] !== undefined)) return starts;
    if (performance.now() > deadline) throw new Error("a job was not picked up within two minutes");
    await passing(20);
  }
}

function figuresOf(name: string, rounds: readonly number[][]): Figure[] {
  return [50, 90, 99].map((percent) => ({ what: `${name}: p${percent}`, unit: "ms", rounds: rounds.map((times) => percentile(times, percent)) }));
}
