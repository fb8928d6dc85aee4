import type { Redis } from "ioredis";
import { Failure } from "./failure.ts";
import type { Connection } from "./redis.ts";

/** Where jobs are taken from, in this order. */
export const places = ["wait", "paused", "prioritized", "delayed"] as const;
/** A job's place. `active` only when its worker is dead, `failed` only when that is asked for. */
export type Place = (typeof places)[number] | "active" | "failed";

const otherStates = ["active", "waiting-children", "completed", "failed"] as const;
export type State = (typeof places)[number] | (typeof otherStates)[number];

export interface Queue {
  prefix: string;
  name: string;
  /** "<prefix>:<name>:", what every key of it begins with. */
  base: string;
  library: "bull" | "bullmq";
  /** "5" or "6"; "" where it is unknown. */
  major: string;
  paused: boolean;
}

/** The key of the set of jobs that were taken and of which it is not known yet whether the product has them. */
export function claimedKey({ base }: Pick<Queue, "base">): string {
  return `${base}jobyard:claimed`;
}

/** Which library wrote the queue. Throws a Failure for versions that the importer does not know; null when there is no such queue. */
export async function openQueue(connection: Connection, prefix: string, name: string): Promise<Queue | null> {
  const base = `${prefix}:${name}:`;
  // A job may be called "meta" or "id".
  const [metaType, idType, eventsType] = await Promise.all(["meta", "id", "events"].map((key) => connection.client.type(base + key)));
  const meta = metaType === "hash" ? await connection.client.hgetall(`${base}meta`) : {};
  // Some options of BullMQ leave out the metadata; only BullMQ has the stream.
  const isBullmq = isMeta(Object.keys(meta)) || eventsType === "stream";
  if (!isBullmq && idType !== "string") return null;
  if (connection.isCluster && !/\{[^}]+\}/.test(base)) {
    throw new Failure(
      2,
      `This Redis is a cluster, and the keys of the queue ${name} have no hash tag: they lie on several nodes. Bull needs a prefix like "{bull}" there.`,
    );
  }
  const major = /^bullmq[^:]*:(\d+)\./.exec(meta["version"] ?? "")?.[1] ?? "";
  if (major !== "" && !["5", "6"].includes(major)) {
    throw new Failure(2, `The queue ${name} was written by ${meta["version"]}; the importer knows Bull 4, BullMQ 5 and BullMQ 6. Update BullMQ first.`);
  }
  const paused = "paused" in meta || (await connection.client.exists(`${base}meta-paused`)) === 1;
  return { prefix, name, base, library: isBullmq ? "bullmq" : "bull", major, paused };
}

/** The names of all queues with the prefix. */
export async function findQueues(connection: Connection, prefix: string): Promise<string[]> {
  const start = `${prefix}:`;
  const found = new Set<string>();
  for (const node of nodesOf(connection)) {
    for (const end of [":id", ":meta"]) {
      for await (const keys of node.scanStream({ match: `${globOf(start)}*${end}`, count: 1000 })) {
        for (const key of keys as string[]) found.add(key.slice(start.length, -end.length));
      }
    }
  }
  const known = await Promise.all([...found].toSorted().map(async (name) => ((await isQueue(connection, `${start}${name}:`)) ? [name] : [])));
  return known.flat();
}

/** How many jobs each list and set holds. */
export async function countsOf({ client }: Connection, { base }: Pick<Queue, "base">): Promise<Record<State, number>> {
  const counted = await Promise.all([...places, ...otherStates].map(async (state) => [state, await sizeOf(client, `${base}${state}`)] as const));
  return Object.fromEntries(counted) as Record<State, number>;
}

export async function sizeOf(client: Connection["client"], key: string): Promise<number> {
  const type = await client.type(key);
  if (type === "list") return client.llen(key);
  return type === "zset" ? client.zcard(key) : 0;
}

/** How many jobs have been taken, by what became of them. */
export async function takenOf({ client }: Connection, queue: Queue): Promise<{ claimed: number; done: number; refused: number }> {
  const own = `${queue.base}jobyard:`;
  const [claimed, done, refused] = await Promise.all([client.zcard(claimedKey(queue)), client.hlen(`${own}done`), client.hlen(`${own}refused`)]);
  return { claimed, done, refused };
}

async function isQueue({ client }: Connection, base: string): Promise<boolean> {
  if ((await client.type(`${base}id`)) === "string") return true;
  if ((await client.type(`${base}meta`)) !== "hash") return false;
  return isMeta(await client.hkeys(`${base}meta`));
}

function isMeta(fields: readonly string[]): boolean {
  return fields.some((field) => field === "version" || field.startsWith("opts."));
}

function nodesOf({ client }: Connection): Redis[] {
  return "nodes" in client ? client.nodes("master") : [client];
}

function globOf(text: string): string {
  return text.replace(/[\\*?[\]]/g, "\\$&");
}
