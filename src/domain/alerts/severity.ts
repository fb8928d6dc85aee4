import type { Alert, AlertFailure } from "./model";

const [warning, critical] = ["finding/warning/", "finding/critical/"];

/** A finding whose severity changes stays one alert, of the worst severity that it has had: each failure names that alert. */
export function byWorstSeverity(found: readonly AlertFailure[], known: readonly Alert[]): AlertFailure[] {
  const open = openByCause(known);
  return found.map((failure) => {
    const cause = failure.cause.replace(warning, critical);
    return open.has(causeKey({ ...failure, cause })) ? { ...failure, cause } : failure;
  });
}

/** The open warnings whose finding is critical now. They end without a notice: nothing has recovered. */
export function outgrownBy(failures: Iterable<AlertFailure>, known: readonly Alert[]): Alert[] {
  const open = openByCause(known);
  const critically = [...failures].filter(({ cause }) => cause.startsWith(critical));
  return critically.flatMap(({ tenant, cause }) => open.get(causeKey({ tenant, cause: cause.replace(critical, warning) })) ?? []);
}

function openByCause(known: readonly Alert[]): Map<string, Alert> {
  return new Map(known.filter(({ state }) => state === "open").map((alert) => [causeKey(alert), alert]));
}

export function causeKey({ tenant, cause }: Pick<Alert, "tenant" | "cause">): string {
  return `${tenant}/${cause}`;
}
