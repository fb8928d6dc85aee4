import type { DeployedWorker } from "../account.ts";
import { type Finding, finding } from "../finding.ts";
import type { Wanted } from "../wanted.ts";

/** Settings of the Worker itself that the configuration has and the dashboard can change. */
const compared = ["compatibility_date", "compatibility_flags", "limits", "observability"] as const;

/** Settings of the deployed Worker that differ from the configuration, and bindings that it does not name: the next deploy takes both back. */
export function settingFindings({ configuration }: Wanted, { settings, bindings }: DeployedWorker): Finding[] {
  const differing = compared.flatMap((field) => differences(field, settings[field], configuration[field]));
  const named = JSON.stringify(configuration);
  const extra = bindings.filter(({ name, type }) => type !== "secret_text" && name !== "LOCAL" && name !== "RELEASE" && !named.includes(JSON.stringify(name)));
  return [
    ...differing.map(({ field, is, should }) =>
      finding(
        "worker-setting",
        field,
        `${field} is ${JSON.stringify(is)} in the account, and ${JSON.stringify(should)} in the configuration. A deploy sets it.`,
      ),
    ),
    ...extra.map(({ name, type }) =>
      finding(
        "binding-extra",
        name,
        `The deployed Worker has the binding ${name} (${type}), which the configuration does not name. A deploy removes it: add it to wrangler.toml to keep it.`,
        "warning",
      ),
    ),
  ];
}

interface Difference {
  field: string;
  is: unknown;
  should: unknown;
}

/** Only what the configuration sets is compared; of what the API does not show nothing is known. */
function differences(field: string, is: unknown, should: unknown): Difference[] {
  if (should === undefined || is === undefined) return [];
  if (typeof should === "object" && should !== null && !Array.isArray(should)) {
    const known = typeof is === "object" && is !== null ? (is as Record<string, unknown>) : {};
    return Object.entries(should).flatMap(([name, each]) => differences(`${field}.${name}`, name in known ? known[name] : null, each));
  }
  return sameness(is) === sameness(should) ? [] : [{ field, is, should }];
}

function sameness(value: unknown): string {
  return JSON.stringify(Array.isArray(value) ? value.toSorted() : value);
}
