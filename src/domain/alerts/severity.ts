import type { Alert, AlertFailure } from "./model";

const [warning, critical] = ["finding/warning/", "finding/critical/"];

/**
 * A finding whose severity changes stays one alert, of the worst severity that it has had: `failures` name that alert. `outgrown` are the open
 * warnings whose finding is critical now. They end without a notice: nothing has recovered.
 */
export function byWorstSeverity(found: readonly AlertFailure[], known: readonly Alert[]): { failures: AlertFailure[]; outgrown: Alert[] } {
  const open = new Map(known.filter(({ state }) => state === "open").map((alert) => [causeKey(alert), alert]));
  const failures = found.map((failure) => {
    const cause = failure.cause.replace(warning, critical);
    return open.has(causeKey({ ...failure, cause })) ? { ...failure, cause } : failure;
  });
  const critically = failures.filter(({ cause }) => cause.startsWith(critical));
  const outgrown = critically.flatMap(({ tenant, cause }) => open.get(causeKey({ tenant, cause: cause.replace(critical, warning) })) ?? []);
  return { failures, outgrown };
}

export function causeKey({ tenant, cause }: Pick<Alert, "tenant" | "cause">): string {
  return `${tenant}/${cause}`;
}
