import { type Finding, finding } from "../finding.ts";
import { hostsIn } from "../generate.ts";
import type { Comparison } from "./comparison.ts";
import { extraConsumers, queueFindings } from "./queues.ts";
import { databaseFindings, storageFindings } from "./storage.ts";
import { wiringFindings } from "./wiring.ts";
import { rateFindings, workerFindings } from "./worker.ts";

/** Everything in which configuration and account do not agree. Reads nothing. */
export function compare(comparison: Comparison): Finding[] {
  const { wanted, account } = comparison;
  const nowhere = "The Worker's host names are not set. Give them with --host, so that tenants cannot direct calls at the Worker.";
  return [
    ...(hostsIn(wanted).length === 0 ? [finding("host-missing", "OWN_HOSTS", nowhere)] : []),
    ...databaseFindings(comparison),
    ...storageFindings(wanted, account),
    ...wanted.queues.flatMap((name) => queueFindings(wanted, account.queues.get(name), name)),
    ...extraConsumers(wanted, account).map(({ queue }) =>
      finding(
        "consumer-extra",
        queue.queue_name,
        `${wanted.worker} consumes ${queue.queue_name}, which the configuration does not name. --prune detaches it.`,
        "warning",
      ),
    ),
    ...workerFindings(comparison),
    ...wiringFindings(comparison),
    ...rateFindings(wanted, account),
  ];
}
