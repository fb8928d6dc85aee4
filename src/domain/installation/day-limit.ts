import { nextDay } from "../../queue/run/day-limit";
import type { SpentDay } from "../../queue/memory";
import { type Finding, isoTime } from "../report/model";

const key = "d1-day-limit";
/** KV's free plan takes 1,000 writes a day. */
const everyMs = 5 * 60_000;
/** What was not refused for so long holds no more. Seconds. */
const lifetime = 600;

/** Lets all isolates know through KV that the day's limit of D1 is used up: D1 itself cannot keep it. */
export async function keepDayLimit(kv: KVNamespace, { limit, since, seen }: SpentDay): Promise<void> {
  const known = await readDayLimit(kv);
  if (known && seen - known.seen < everyMs && nextDay(known.since) > seen) return;
  const first = known && nextDay(known.since) > seen ? known.since : since;
  await kv.put(key, JSON.stringify({ limit, since: first, seen }), { expirationTtl: lifetime });
}

/** What a tick has kept within the last ten minutes. */
export async function readDayLimit(kv: KVNamespace): Promise<SpentDay | null> {
  return kv.get<SpentDay>(key, "json");
}

/** The finding about it, while it holds. */
export function dayLimitFinding({ limit, since, seen }: SpentDay, now: number): Finding[] {
  if (now - seen > lifetime * 1000 || nextDay(seen) <= now) return [];
  const sentence =
    `The account has used up the rows that D1's free plan lets it ${limit} in a day: jobs are accepted and do not run until ${isoTime(nextDay(now))}. ` +
    "A paid Workers plan lifts the limit within minutes; what waits then goes on within an hour.";
  return [{ code: "d1-day-limit", severity: "critical", sentence, since, count: 1, subject: "d1", tenant: "*", actions: [] }];
}
