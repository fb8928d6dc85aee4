import { setTimeout as passing } from "node:timers/promises";
import type { Switches } from "../../test/way/worker/switches.ts";
import type { Course } from "./course.ts";
import type { Fault, Schedule } from "./schedule.ts";
import type { World } from "./world.ts";

const healthy: Partial<Switches> = {
  ...{ db: "up", dbOnly: "", kv: "up", r2: "up", queue: "up", gate: "up", analytics: "up" },
  ...{ twice: false, shuffle: false, unacked: false },
};

/** When a fault happened, in milliseconds of the machine's clock. */
export interface Span {
  fault: Fault;
  from: number;
  to: number;
}

/** Lets the schedule's faults happen at their times; resolves when the last one is over. */
export async function breakOn(schedule: Schedule, world: World, course: Course): Promise<Span[]> {
  // A runtime that is on its way up cannot be killed again, nor troubled.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn: InTurn = (act) => (last = last.then(act));
  const troubles: Partial<Switches>[] = [];
  const spans = await Promise.all(
    schedule.faults.map(async (fault) => {
      await course.reached(fault.at);
      const from = Date.now();
      await happen(fault, world, inTurn, troubles);
      return { fault, from, to: Date.now() };
    }),
  );
  await last;
  return spans;
}

type InTurn = (act: () => Promise<unknown>) => Promise<unknown>;

/** `troubles` are those of bindings that last. */
async function happen(fault: Fault, world: World, inTurn: InTurn, troubles: Partial<Switches>[]): Promise<void> {
  const switched = () => inTurn(() => world.switch(together(troubles)));
  switch (fault.is) {
    case "kill":
      await inTurn(() => world.kill());
      // The new runtime has no faults set.
      return void (await switched());
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
    case "binding":
      troubles.push(fault.switches);
      await switched();
      await passing(fault.for);
      troubles.splice(troubles.indexOf(fault.switches), 1);
      return void (await switched());
    case "provider": {
      const { url } = world.sandbox;
      const made = (await (await fetch(`${url}/__faults`, { method: "POST", body: JSON.stringify(fault.spec) })).json()) as { id: string };
      await passing(fault.for);
      await fetch(`${url}/__faults/${made.id}`, { method: "DELETE" });
    }
  }
}

/** Troubles of different bindings at once; of two of one binding the later one. */
export function together(troubles: readonly Partial<Switches>[]): Partial<Switches> {
  return Object.assign({}, healthy, ...troubles, { rates: Object.assign({}, ...troubles.map(({ rates }) => rates)) }) as Partial<Switches>;
}

/** Fires the cron every few seconds until the signal: a minute of a deployed Worker. */
export async function tickAlong(world: World, signal: AbortSignal, every = 8000): Promise<void> {
  while (!signal.aborted) {
    await world.tick();
    await passing(every, undefined, { signal }).catch(() => undefined);
  }
}
