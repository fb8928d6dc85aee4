import type { Place, Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";

/** A job's id where it stands. */
export interface Standing {
  id: string;
  /** Of a sorted set; "" in a list. */
  score: string;
}

/** A job as its hash has it. */
export interface BullJob extends Standing {
  place: Place;
  /** The reason of the script why it stays where it is; "" when it may be taken. */
  why: string;
  name: string;
  /** JSON. */
  data: string;
  /** JSON. */
  opts: string;
  /** Milliseconds, as text. */
  timestamp: string;
  attempts: number;
  /** Its deduplication id; "" without one. */
  dedup: string;
  sha: string;
  /** When its newest run began, as text; "" when none did. */
  started: string;
  failedReason: string;
}

/** Reads jobs, many in one round trip. */
export async function readJobs(connection: Connection, { base }: Pick<Queue, "base">, place: Place, standing: readonly Standing[]): Promise<BullJob[]> {
  const jobs: BullJob[] = [];
  while (jobs.length < standing.length) {
    const rest = standing.slice(jobs.length);
    const found = (await connection.run("look", `${base}${place}`, base, ...rest.map(({ id }) => id))) as string[][];
    jobs.push(...found.map((fields, index) => jobFrom(fields, rest[index]!, place)));
  }
  return jobs;
}

function jobFrom(fields: readonly string[], { id, score }: Standing, place: Place): BullJob {
  const [why = "", name = "", data = "", opts = "", timestamp = "", attempts = "", dedup = "", sha = "", started = "", failedReason = ""] = fields;
  return {
    id,
    score,
    place,
    why,
    name: name === "" ? "__default__" : name,
    data,
    opts,
    timestamp,
    attempts: Number(attempts) || 0,
    dedup,
    sha,
    started,
    failedReason,
  };
}

/** When a delayed job is due, in milliseconds. */
export function dueOf({ place, score }: Pick<BullJob, "place" | "score">): number | undefined {
  return place === "delayed" ? Math.floor(Number(score) / 4096) : undefined;
}

/** The options of a job; empty where they cannot be read. */
export function optionsOf({ opts }: Pick<BullJob, "opts">): Record<string, unknown> {
  const parsed = parse(opts);
  return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? (parsed as Record<string, unknown>) : {};
}

/** undefined where it is no JSON. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
