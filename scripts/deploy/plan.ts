import type { Account } from "./account.ts";
import { extraConsumers } from "./compare/queues.ts";
import { extraCrons } from "./compare/worker.ts";
import type { Finding, FindingId } from "./finding.ts";
import type { Migrations } from "./migrations.ts";
import type { Step } from "./report.ts";
import type { Wanted } from "./wanted.ts";
import { mailEvents, uploads } from "./wiring.ts";

export interface Planned {
  wanted: Wanted;
  account: Account;
  migrations: Migrations;
  findings: readonly Finding[];
  emailDomain: string | undefined;
}

/** What a deploy would do, in its order. */
export function planFrom({ wanted, account, migrations, findings, emailDomain }: Planned): Step[] {
  const about = (subject: string, ...ids: FindingId[]) => findings.filter((each) => each.subject === subject && (ids.length === 0 || ids.includes(each.id)));
  const made = (name: string, isThere: boolean): Step => ({ name, state: isThere ? "same" : "create" });
  const { pending } = migrations;
  return [
    made(`d1 ${wanted.database.name}`, account.database !== undefined),
    { name: "migrations", ...(pending.length === 0 ? { state: "same" } : { state: "change", detail: `${pending.length} pending: ${listed(pending)}` }) },
    ...wanted.namespaces.map(({ title }) => made(`kv ${title}`, account.namespaces.has(title))),
    ...wanted.buckets.map(({ name }) => made(`r2 ${name}`, account.buckets.has(name))),
    ...wanted.queues.map((name) => made(`queue ${name}`, account.queues.has(name))),
    workerStep(wanted, account, findings),
    ...wanted.consumers.map(({ queue }) => consumerStep(queue, account, about(queue))),
    ...extraConsumers(wanted, account).map(({ queue }): Step => ({ name: `consumer ${queue.queue_name}`, state: "extra", detail: "--prune detaches it" })),
    ...wanted.crons.map((cron) => made(`cron ${cron}`, account.worker?.crons.includes(cron) ?? false)),
    ...extraCrons(wanted, account.worker?.crons ?? []).map((cron): Step => ({ name: `cron ${cron}`, state: "extra", detail: "--prune removes it" })),
    ruleStep(wanted, findings),
    ...(emailDomain === undefined
      ? []
      : [made(`subscription ${mailEvents.source} ${emailDomain} → ${mailEvents.queueOf(wanted)}`, !findings.some(({ id }) => id === "subscription-missing"))]),
  ];
}

function workerStep(wanted: Wanted, account: Account, findings: readonly Finding[]): Step {
  const name = `worker ${wanted.worker}`;
  if (!account.worker) return { name, state: "create" };
  const about: readonly FindingId[] = [
    "binding-missing",
    "binding-nil-id",
    "secret-missing",
    "host-missing",
    "local-set",
    "variable-differs",
    "worker-outdated",
    "worker-setting",
    "binding-extra",
  ];
  const reasons = findings.filter(({ id }) => about.includes(id)).map(({ id, subject }) => `${id} ${subject}`);
  return reasons.length === 0 ? { name, state: "same" } : { name, state: "change", detail: reasons.join(", ") };
}

function consumerStep(queue: string, account: Account, findings: readonly Finding[]): Step {
  const name = `consumer ${queue}`;
  const foreign = findings.find(({ id }) => id === "consumer-foreign");
  if (foreign) return { name, state: "failed", detail: foreign.sentence };
  if (findings.some(({ id }) => id === "consumer-missing") || !account.queues.has(queue)) return { name, state: "create" };
  return { name, state: findings.some(({ id, severity }) => id === "queue-setting" && severity === "error") ? "change" : "same" };
}

function ruleStep(wanted: Wanted, findings: readonly Finding[]): Step {
  const name = `rule ${uploads.bucketOf(wanted)} → ${uploads.queueOf(wanted)}`;
  const overlap = findings.find(({ id }) => id === "rule-overlap");
  if (overlap) return { name, state: "failed", detail: overlap.sentence };
  return { name, state: findings.some(({ id }) => id === "rule-missing") ? "create" : "same" };
}

/** All of a few names; of many the first and the last. */
function listed(names: string[]): string {
  return names.length > 5 ? `${names[0]} … ${names.at(-1)}` : names.join(", ");
}
