import { dayMs } from "../../time/day";
import { nextDay } from "../../queue/day-limit";
import type { SpentDay } from "../../queue/memory";
import { type Finding, isoSeconds } from "../report/model";
import { minuteMs } from "../../time/day";

const key = "d1-day-limit";
/** KV's free plan accepts 1,000 writes a day. */
const everyMs = 5 * minuteMs;
/** The record expires after this time without a refusal. */
const lifetimeSeconds = 600;

/** That the account has the free plan is kept for this long after a refusal. */
const planKey = "d1-free-plan";
const planLifetimeSeconds = (90 * dayMs) / 1000;

/** Records in KV, for all isolates, that D1's daily limit is used up: D1 itself cannot store it. */
export async function keepDayLimit(kv: KVNamespace, { limit, since, seen }: SpentDay): Promise<void> {
  const recorded = await readDayLimit(kv);
  if (recorded && seen - recorded.seen < everyMs && nextDay(recorded.since) > seen) return;
  const first = recorded && nextDay(recorded.since) > seen ? recorded.since : since;
  await kv.put(key, JSON.stringify({ limit, since: first, seen }), { expirationTtl: lifetimeSeconds });
  if (!recorded) await kv.put(planKey, String(seen), { expirationTtl: planLifetimeSeconds });
}

/** Whether D1 has refused by the daily limit of its free plan within 90 days. */
export async function metDayLimit(kv: KVNamespace): Promise<boolean> {
  return (await kv.get(planKey)) !== null;
}

/** The record of the last 10 minutes. */
export async function readDayLimit(kv: KVNamespace): Promise<SpentDay | null> {
  return kv.get<SpentDay>(key, "json");
}

/** The finding about the used limit. */
export function dayLimitFinding({ limit, since, seen }: SpentDay, now: number): Finding[] {
  if (now - seen > lifetimeSeconds * 1000 || nextDay(seen) <= now) return [];
  const sentence =
    `The account has used up the rows that D1's free plan lets it ${limit} in a day: jobs are accepted and do not run until ${isoSeconds(nextDay(now))}. ` +
    "A paid Workers plan lifts the limit within minutes; what waits then goes on within an hour.";
  return [{ code: "d1-day-limit", severity: "critical", sentence, since, count: 1, subject: "d1", tenant: "*", actions: [] }];
}
