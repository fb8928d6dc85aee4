import { setTimeout as passing } from "node:timers/promises";
import type { World } from "./world.ts";

export interface Rest {
  /** Open jobs by type, state and reason that would not end. */
  open: { type: string; state: string; reason: string | null; n: number }[];
  /** How far the clock went, in milliseconds. */
  passed: number;
}

const minute = 60_000;
/** Milliseconds. */
const [lookEvery, maxWaitMs] = [150, 4000];
const [idleLooks, countEvery] = [2, 8];
/** Time that passes after each look that found open jobs: backoff and gates first, then lost messages, then leases of runs that ended with their isolate. */
const jumps = [1, 1, 2, 5, 11, 11, 14, 20, 20, 40, 40, 60, 60, 120, 120, 240];

/** Everything works again: lets time pass until no job is open. */
export async function untilRest(world: World): Promise<Rest> {
  let passed = 0;
  let quiet = 0;
  for (const minutes of jumps) {
    await world.tick();
    const left = await settled(world);
    quiet = left === 0 ? quiet + 1 : 0;
    // Once more after a tick: an end may have enqueued deliveries to subscriptions, and a tick may have found a lost job.
    if (quiet >= 2 && (await sidesLeft(world)) === 0) return { open: [], passed };
    if (quiet === 1) continue;
    if (await world.jump(minutes * minute)) passed += minutes * minute;
  }
  await world.tick();
  await settled(world);
  const sql = "SELECT type, state, reason, count(*) AS n FROM jobs WHERE ended IS NULL GROUP BY 1, 2, 3";
  return { open: await world.rows(sql), passed };
}

/** Side rows of the tick: one of a job that has ended goes when its time has come. */
async function sidesLeft(world: World): Promise<number> {
  return (await world.rows<{ n: number }>("SELECT count(*) AS n FROM due"))[0]?.n ?? 0;
}

/** Waits while jobs end; answers with how many are open when nothing is under way that could end one, or none has ended for a while. */
async function settled(world: World): Promise<number> {
  let [least, since, idle] = [Infinity, performance.now(), 0];
  for (let looks = 0; ; looks++) {
    idle = (await world.isIdle()) ? idle + 1 : 0;
    // Counting reads the whole table: it is done when the answer may be the last one, and now and then.
    if (idle === idleLooks || looks % countEvery === 0) {
      const open = await openJobs(world);
      const [ends, now] = [open < least, performance.now()];
      if (ends) [least, since] = [open, now];
      // A batch is for a moment neither in its queue nor in the Worker, and a remote worker is seen by what it ends.
      if (open === 0 || (idle >= idleLooks && !ends) || now - since > maxWaitMs) return open;
      if (idle >= idleLooks) idle = 0;
    }
    await passing(lookEvery);
  }
}

async function openJobs(world: World): Promise<number> {
  return (await world.rows<{ n: number }>("SELECT count(*) AS n FROM jobs WHERE ended IS NULL"))[0]?.n ?? 0;
}
