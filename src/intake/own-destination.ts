import type { DestinationView } from "../domain/destinations/queries";
import type { Issue } from "../errors";
import type { IntakeDeps } from "./deps";

/** The tenant's own destinations: those with an address that alerts can be sent to. */
export async function ownDestinations({ destinations }: Pick<IntakeDeps, "destinations">, tenant: string): Promise<DestinationView[]> {
  return (await destinations.list(tenant)).filter(({ builtIn }) => !builtIn);
}

/** What is wrong with a setting that names a destination: with a mistyped name nothing would be sent, and no error would show it. */
export async function destinationIssues(deps: Pick<IntakeDeps, "destinations">, tenant: string, name: string | undefined, path: string): Promise<Issue[]> {
  if (name === undefined) return [];
  const own = (await ownDestinations(deps, tenant)).map((each) => each.name);
  const known = own.length === 0 ? "there is none: PUT /v1/destinations/{name} makes one" : `there are ${own.join(", ")}`;
  return own.includes(name) ? [] : [{ path, message: `is no destination with an address; ${known}` }];
}

/** Why nothing can be sent to a destination; undefined where something can. */
export function whyUnreachable(own: readonly DestinationView[], name: string): string | undefined {
  const found = own.find((each) => each.name === name);
  if (!found) return `There is no destination ${name}.`;
  return found.retired === null ? undefined : `The destination ${name} is retired: ${found.retired}`;
}
