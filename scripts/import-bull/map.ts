import { readFileSync } from "node:fs";
import * as v from "valibot";
import { Failure } from "./failure.ts";
import { source } from "./value.ts";

const entry = v.strictObject({
  queue: v.pipe(v.string(), v.nonEmpty("must name a queue")),
  /** "*" stands for every name that has no entry of its own. Unnamed jobs of Bull 4 are `__default__`. */
  name: v.pipe(v.string(), v.nonEmpty('must be the name of a job, or "*"')),
  type: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/, "must be a type of the product, as /v1/types lists them")),
  version: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  tenant: source,
  payload: v.exactOptional(source),
  /** Jobs with a deduplication id: the product does not know it, so a second job may come while the first is open. */
  dedup: v.exactOptional(v.literal("accept", 'must be "accept"')),
  /** What a schedule is called in the product; else made from its Bull id. */
  schedules: v.exactOptional(v.record(v.string(), v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/, "must be 1 to 63 of a-z, 0-9 and -")))),
});

export type Entry = v.InferOutput<typeof entry>;

export interface JobMap {
  entries: readonly Entry[];
  /** The entry for a job of a queue; undefined when it has none. */
  find(queue: string, name: string): Entry | undefined;
}

/** Reads map.json. Throws a Failure that lists what is wrong with it. */
export function readMap(file: string | undefined): JobMap {
  return mapOf(file === undefined ? [] : json(file));
}

export function mapOf(input: unknown): JobMap {
  const result = v.safeParse(v.array(entry, "must be an array of entries"), input);
  if (!result.success) {
    const issues = result.issues.slice(0, 20).map((issue) => `  ${v.getDotPath(issue) ?? "map"}: ${issue.message}`);
    throw new Failure(2, `The map is wrong:\n${issues.join("\n")}`);
  }
  const byName = new Map<string, Entry>();
  for (const each of result.output) {
    if (byName.has(keyOf(each.queue, each.name))) throw new Failure(2, `The map has two entries for ${each.name} of the queue ${each.queue}.`);
    byName.set(keyOf(each.queue, each.name), each);
  }
  return { entries: result.output, find: (queue, name) => byName.get(keyOf(queue, name)) ?? byName.get(keyOf(queue, "*")) };
}

function keyOf(queue: string, name: string): string {
  return JSON.stringify([queue, name]);
}

function json(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as unknown;
  } catch (cause) {
    throw new Failure(2, `The map ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`);
  }
}
