import type { EngineEvent } from "../../queue/engine";
import type { Retirement } from "./sealed-endpoint";

/** A setting whose receiver answered that it accepts no more deliveries. */
export type Retired = { destination: string } | { subscription: string };

/** The receiver's answer, the job that it answered, and when the setting was read (milliseconds). */
interface LastAnswer {
  reason: string;
  job: string;
  /** The job's trace, as `{trace id}-{flags}`. */
  trace: string | undefined;
  since: number;
}

/** Returns false where the setting was changed since, or is switched off already. */
interface Retiring {
  retire(tenant: string, name: string, retirement: Retirement): Promise<boolean>;
}

export interface RetireDeps {
  destinations: Retiring;
  subscriptions: Retiring;
  emit(event: EngineEvent): void;
  audit(entry: { tenant: string; actor: string; action: string; target: string; at: number }): Promise<void>;
}

/** Switches off a setting whose deliveries can only fail, and records it once: on the setting, in the log and in the audit. */
export async function retire(deps: RetireDeps, tenant: string, setting: Retired, { reason, job, trace, since }: LastAnswer, at: number): Promise<void> {
  const [kind, name] = "destination" in setting ? (["destination", setting.destination] as const) : (["subscription", setting.subscription] as const);
  const store = kind === "destination" ? deps.destinations : deps.subscriptions;
  if (!(await store.retire(tenant, name, { reason, since, at }))) return;
  deps.emit({ event: "trouble", where: `${kind} ${name}`, reason: `switched off: ${reason}`, tenant, id: job, trace });
  await deps.audit({ tenant, actor: `job ${job}`, action: "retire", target: `${kind}/${name}`, at });
}
