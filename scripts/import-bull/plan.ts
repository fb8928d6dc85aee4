import { type BullJob, dueOf, optionsOf, readJobs } from "./job.ts";
import { countsOf, type Place, type Queue, type State, takenOf } from "./queue.ts";
import { type Judged, requestFrom } from "./request.ts";
import { type BullSchedule, readSchedules } from "./schedules.ts";
import { Tally } from "./tally.ts";
import { walk } from "./walk.ts";
import type { Connection } from "./redis.ts";
import type { JobMap } from "./map.ts";
import type { Selection } from "./request.ts";

/** What a plan needs; `judge` asks the product where it is known. */
export interface Planning {
  connection: Connection;
  map: JobMap;
  selection: Selection;
  places: readonly Place[];
  judge: (judged: Judged) => Promise<Judged>;
  now: () => number;
}

/** Jobs of one name. */
export interface NamePlan {
  jobs: number;
  takeable: number;
  /** By tenant and type, for the largest of them. */
  targets: Map<string, number>;
  tally: Tally;
  dedup: number;
  /** Jobs that were tried before: as many attempts are left as there. */
  tried: number;
  /** `opts.attempts`, how often. */
  attempts: Map<number, number>;
  backoff: number;
  maxBytes: number;
  /** Milliseconds. */
  oldest: number;
}

export interface QueuePlan {
  queue: Queue;
  counts: Record<State, number>;
  taken: { claimed: number; done: number; refused: number };
  names: Map<string, NamePlan>;
  schedules: BullSchedule[];
  /** What does not come along, or came to light. */
  notes: string[];
  /** Due times of delayed jobs, in milliseconds. */
  lastDue: number;
}

/** Reads every job that could be taken, and changes nothing. */
export async function planQueue(planning: Planning, queue: Queue): Promise<QueuePlan> {
  const { connection, map, now } = planning;
  const plan: QueuePlan = {
    queue,
    counts: await countsOf(connection, queue),
    taken: await takenOf(connection, queue),
    names: new Map(),
    schedules: await readSchedules(connection, queue, map, planning.judge, now()),
    notes: await notesOf(connection, queue),
    lastDue: 0,
  };
  for (const place of planning.places) {
    await walk(connection, queue, place, async (standing) => {
      for (const job of await readJobs(connection, queue, place, standing)) await count(planning, plan, place, job);
      return 0;
    });
  }
  return plan;
}

/** Whether a person has to do something before all of it can be taken. */
export function isBlocked({ names, schedules, taken }: QueuePlan): boolean {
  const isJobBlocked = [...names.values()].some(({ tally }) => tally.needsPerson());
  return isJobBlocked || taken.refused > 0 || schedules.some(({ ours }) => "fault" in ours);
}

async function count({ map, selection, judge, now }: Planning, plan: QueuePlan, place: Place, job: BullJob): Promise<void> {
  const of = plan.names.get(job.name) ?? emptyPlan();
  plan.names.set(job.name, of);
  of.jobs++;
  of.maxBytes = Math.max(of.maxBytes, Buffer.byteLength(job.data));
  if (Number(job.timestamp) > 0) of.oldest = Math.min(of.oldest, Number(job.timestamp));
  plan.lastDue = Math.max(plan.lastDue, dueOf({ place, score: job.score }) ?? 0);
  const judged = await judge(requestFrom(job, plan.queue, map, selection, now()));
  if ("reason" in judged) return of.tally.leave(judged.reason, job.id, judged.detail);
  of.takeable++;
  const target = `${judged.request.job.type} of ${judged.request.tenant}`;
  of.targets.set(target, (of.targets.get(target) ?? 0) + 1);
  const { attempts, backoff } = optionsOf(job);
  if (typeof attempts === "number" && attempts > 0) of.attempts.set(attempts, (of.attempts.get(attempts) ?? 0) + 1);
  if (backoff !== undefined) of.backoff++;
  if (job.dedup !== "") of.dedup++;
  if (job.attempts > 0) of.tried++;
}

function emptyPlan(): NamePlan {
  return { jobs: 0, takeable: 0, targets: new Map(), tally: new Tally(0), dedup: 0, tried: 0, attempts: new Map(), backoff: 0, maxBytes: 0, oldest: Infinity };
}

async function notesOf({ client }: Connection, queue: Queue): Promise<string[]> {
  const { max, duration, concurrency } = queue.library === "bullmq" ? await client.hgetall(`${queue.base}meta`) : {};
  const isLimited = max !== undefined || (await client.exists(`${queue.base}limiter`)) === 1;
  return [
    ...(isLimited
      ? [`The queue has a rate limit${max ? ` (${max} in ${duration} ms)` : ""}: it does not come along. Set \`limits\` of the tenant's connection.`]
      : []),
    ...(concurrency ? [`The queue has a global concurrency of ${concurrency}: it does not come along. Set \`limits\` of the tenant's connection.`] : []),
    ...(queue.paused ? ["The queue is paused: old workers take nothing; the importer does."] : []),
  ];
}
