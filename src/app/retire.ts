import { auditIn } from "../ledger/audit";
import { log } from "./log";
import type { Stores } from "./stores";

/** A setting of events whose receiver said that it wants no more. */
export type Retired = { destination: string } | { subscription: string };

/** What was answered, to which job, and when the setting was read (milliseconds). */
export interface LastWord {
  reason: string;
  job: string;
  since: number;
}

/** Switches off what can only fail from now on, and says so once: on the setting, in the log and in the audit. */
export async function retire(db: D1Database, stores: Stores, tenant: string, setting: Retired, { reason, job, since }: LastWord, at: number): Promise<void> {
  const [kind, name] = "destination" in setting ? (["destination", setting.destination] as const) : (["subscription", setting.subscription] as const);
  const store = kind === "destination" ? stores.destinations : stores.subscriptions;
  if (!(await store.retire(tenant, name, { reason, since, at }))) return;
  log({ event: "trouble", where: `${kind} ${name}`, reason: `switched off: ${reason}`, tenant, id: job });
  await auditIn(db, { tenant, actor: `job ${job}`, action: "retire", target: `${kind}/${name}`, at });
}
