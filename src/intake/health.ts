import { ping } from "../d1";
import { messageOf } from "../errors";
import type { QueueMetrics } from "./deps";

/** A store that needs longer counts as down. Milliseconds. */
const maxWaitMs = 1000;

interface HealthDeps {
  db: D1Database;
  kv: Pick<KVNamespace, "get">;
  /** Queues that refused the newest send. */
  refusingQueues(): readonly string[];
}

/** A cheap check of the stores and queues that the Worker needs. Never throws. */
export async function health({ db, kv, refusingQueues }: HealthDeps): Promise<Record<string, "ok" | "failing">> {
  const checks = await Promise.all([check("d1", ping(db)), check("kv", kv.get("health"))]);
  return Object.fromEntries([...checks, ["queues", refusingQueues().length === 0 ? "ok" : "failing"] as const]);
}

async function check(name: string, look: Promise<unknown>) {
  const limit = new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), maxWaitMs));
  const found = await Promise.race([look, limit]).then(
    () => "ok" as const,
    () => "failing" as const,
  );
  return [name, found] as const;
}

/** A queue's metrics now; null where they cannot be read, with the reason given to `report`. */
export async function metricsOf(queue: string, producer: Pick<Queue, "metrics">, report: (reason: string) => void): Promise<QueueMetrics> {
  try {
    const { backlogCount, backlogBytes, oldestMessageTimestamp } = await producer.metrics();
    return { queue, backlog: backlogCount, bytes: backlogBytes, oldestAt: oldestMessageTimestamp?.getTime() ?? null };
  } catch (thrown) {
    report(messageOf(thrown));
    return { queue, backlog: null, bytes: null, oldestAt: null };
  }
}
