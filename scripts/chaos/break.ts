import { setTimeout as passing } from "node:timers/promises";
import type { Fault, Schedule } from "./schedule.ts";
import type { World } from "./world.ts";

/** What was troubled, as the switch that heals it. */
const healthyOf: Record<string, unknown> = {
  db: "up",
  dbOnly: "",
  kv: "up",
  r2: "up",
  queue: "up",
  gate: "up",
  analytics: "up",
  twice: false,
  shuffle: false,
  unacked: false,
};

/** When a fault happened, in milliseconds of the machine's clock. */
export interface Span {
  fault: Fault;
  from: number;
  to: number;
}

/** Lets the schedule's faults happen at their times; resolves when the last one is over. */
export async function breakOn(schedule: Schedule, world: World): Promise<Span[]> {
  const begun = performance.now();
  const until = (at: number) => passing(Math.max(0, begun + at - performance.now()));
  // A runtime that is on its way up cannot be killed again, nor troubled.
  let deaths: Promise<unknown> = Promise.resolve();
  const inTurn = (act: () => Promise<unknown>) => (deaths = deaths.then(act));
  const spans = await Promise.all(
    schedule.faults.map(async (fault) => {
      await until(fault.at);
      const from = Date.now();
      await happen(fault, world, inTurn);
      return { fault, from, to: Date.now() };
    }),
  );
  await deaths;
  return spans;
}

async function happen(fault: Fault, world: World, inTurn: (act: () => Promise<unknown>) => Promise<unknown>): Promise<void> {
  switch (fault.is) {
    case "kill":
      return void (await inTurn(() => world.kill()));
    case "abort":
      return void (await inTurn(() => world.abort()));
    case "versions":
      await inTurn(() => world.share(fault.share));
      await passing(fault.for);
      return void (await inTurn(() => world.share(0)));
    case "remote-worker":
      return world.killRemote();
    case "two-ticks":
      return void (await Promise.all([world.tick(), world.tick()]));
    case "binding": {
      await inTurn(() => world.switch(fault.switches));
      await passing(fault.for);
      const healed = Object.keys(fault.switches).filter((name) => name !== "rates");
      return void (await inTurn(() => world.switch(Object.fromEntries(healed.map((name) => [name, healthyOf[name]])))));
    }
    case "provider": {
      const { url } = world.sandbox;
      const made = (await (await fetch(`${url}/__faults`, { method: "POST", body: JSON.stringify(fault.spec) })).json()) as { id: string };
      await passing(fault.for);
      await fetch(`${url}/__faults/${made.id}`, { method: "DELETE" });
    }
  }
}

/** Fires the cron every few seconds until the signal: a minute of a deployed Worker. */
export async function tickAlong(world: World, signal: AbortSignal, every = 8000): Promise<void> {
  while (!signal.aborted) {
    await world.tick();
    await passing(every, undefined, { signal }).catch(() => undefined);
  }
}
