import type { Standing } from "./job.ts";
import type { Place, Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";

const window = 200;

/**
 * Goes once through a list or set, the next job first, some hundred at a time. `visit` gets how many
 * stand before them, and answers how many of them it has taken away.
 * While workers take jobs too, some are passed over: walk again until a walk takes nothing.
 */
export async function walk(
  connection: Connection,
  queue: Queue,
  place: Place,
  visit: (standing: Standing[], offset: number) => Promise<number>,
): Promise<void> {
  const read = await readerOf(connection, `${queue.base}${place}`);
  for (let offset = 0; ;) {
    const standing = await read(offset);
    // Old versions put markers beside the ids.
    const jobs = standing.filter(({ id }) => !id.startsWith("0:"));
    const taken = jobs.length > 0 ? await visit(jobs, offset) : 0;
    if (standing.length < window) return;
    offset += standing.length - taken;
  }
}

type Reader = (offset: number) => Promise<Standing[]>;

async function readerOf({ client }: Connection, key: string): Promise<Reader> {
  const type = await client.type(key);
  if (type === "list") {
    return async (offset) => {
      const ids = await client.lrange(key, -(offset + window), -(offset + 1));
      return ids.toReversed().map((id) => ({ id, score: "" }));
    };
  }
  if (type !== "zset") return async () => [];
  return async (offset) => {
    const flat = await client.zrange(key, offset, offset + window - 1, "WITHSCORES");
    return flat.flatMap((id, index) => (index % 2 === 0 ? [{ id, score: flat[index + 1] ?? "" }] : []));
  };
}
