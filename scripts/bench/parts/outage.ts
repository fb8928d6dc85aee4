// npm run bench, part outage: what arrived while nothing was processed for an hour, worked off.
import { setTimeout as passing } from "node:timers/promises";
import { startJobyard } from "../jobyard.ts";
import { percentile } from "../posts.ts";
import type { Section } from "../report.ts";
import type { Run } from "../run.ts";

const perSecond = 10;

export async function outage(run: Run): Promise<Section> {
  const count = run.quick ? 3000 : 3600 * perSecond;
  const jobyard = await startJobyard(run.bench, { name: "outage" });
  await jobyard.control("hold");
  await jobyard.batch(count);
  run.say(`outage: ${count.toLocaleString("en")} jobs wait`);
  const begun = performance.now();
  await jobyard.control("go");
  const drained = jobyard.untilDone(count, begun);
  const fresh = new Map<string, number>();
  let over = false;
  void drained.finally(() => (over = true)).catch(() => undefined);
  for (let n = 0; !over && n < 200; n++) {
    const at = Date.now();
    const { id } = (await jobyard.tenant.ask("POST", "/v1/jobs", { type: "noop", payload: { n, noted: true } })) as { id: string };
    fresh.set(id, at);
    await passing(100);
  }
  const took = await drained;
  await jobyard.untilDone(count + fresh.size, begun);
  const starts = await jobyard.control<Record<string, number>>("starts");
  const waits = [...fresh].map(([id, at]) => (starts[id] ?? NaN) - at);
  return {
    key: "outage",
    title: "After an outage",
    how: `${count.toLocaleString("en")} jobs (${run.quick ? "a sample of" : "an hour at"} ${perSecond} a second) wait in their queue while nothing is processed; then all of it is worked off while new jobs arrive, ten a second.`,
    figures: [
      { what: "all that waited is done after", unit: "s", rounds: [took / 1000] },
      { what: "worked off", unit: "jobs/s", rounds: [(count * 1000) / took] },
      { what: "a new job begins meanwhile: p50", unit: "ms", rounds: waits.length > 0 ? [percentile(waits, 50)] : [] },
      { what: "a new job begins meanwhile: p95", unit: "ms", rounds: waits.length > 0 ? [percentile(waits, 95)] : [] },
    ],
  };
}
