import { type PageAction, actionFields } from "../action";
import type { Remedy } from "../answers";
import { pageActions } from "../actions";
import { bulkPaths } from "../bulk/actions";
import { bulkAddress } from "../bulk/selection";
import type { Visit } from "../page";
import { Act } from "./act";

interface RemediesProps {
  visit: Visit;
  remedies: readonly Remedy[];
  tenant?: string;
  /** Distinguishes equal remedies in two places of a page. */
  place?: string;
}

/** Remedies: buttons for calls, links for pages. Those without a page, or for which the viewer lacks the scope, are left out. */
export function Remedies({ visit, remedies, tenant = visit.tenant, place }: RemediesProps) {
  return (
    <>
      {remedies.map((remedy) => (
        <RemedyControl key={remedy.label} visit={visit} remedy={remedy} tenant={tenant} place={place} />
      ))}
    </>
  );
}

interface RemedyControlProps {
  visit: Visit;
  remedy: Remedy;
  tenant: string;
  place: string | undefined;
}

function RemedyControl({ visit, remedy, tenant, place }: RemedyControlProps) {
  if (remedy.method === "GET") {
    const address = remedyAddress(remedy.path);
    return address === undefined ? null : (
      <a class="button" href={`/t/${tenant}${address}`}>
        {remedy.label}
      </a>
    );
  }
  const plan = planOf(remedy);
  if (plan !== undefined)
    return visit.may("operate") ? (
      <a class="button" href={`/t/${tenant}${plan}`}>
        {remedy.label}…
      </a>
    ) : null;
  const found = actionOf(remedy);
  if (!found) return null;
  const id = place === undefined ? {} : { id: [place, ...Object.values(found.fields)].join("-") };
  return <Act visit={visit} action={found.action} fields={found.fields} tenant={tenant} label={remedy.label} {...id} />;
}

/** A bulk action is planned before it starts. */
function planOf({ method, path, body }: Remedy): string | undefined {
  const filter = body?.["filter"];
  const verb = path === "/v1/replays" ? "replay" : path === bulkPaths["run-now"] ? "run-now" : undefined;
  if (method !== "POST" || verb === undefined || typeof filter !== "object" || filter === null) return undefined;
  return bulkAddress("", verb, filter as Record<string, string>);
}

function actionOf({ method, path }: Remedy): { action: PageAction; fields: Record<string, string> } | undefined {
  for (const action of pageActions) {
    // A call that needs a body has its own page.
    const fields = action.method === method && (!action.body || action.bodyOptional) ? actionFields(action, path) : undefined;
    if (fields) return { action, fields };
  }
  return undefined;
}

/** The page with the content of an API path. */
function remedyAddress(path: string): string | undefined {
  const [start = "", query] = path.replace(/^\/v1/, "").split("?");
  const address = start
    .replace(/^\/agent-runs/, "/agents")
    .replace(/\/purchase-orders$/, "")
    .replace(/^\/(?:destinations|subscriptions)\/[^/]+$/, "/settings")
    .replace(/^\/(?:heartbeat|installation)$/, "/system");
  const isPage = /^\/(?:jobs|failures|replays|agents|sites|flow|schedules|campaigns|workers|costs|settings|system)(?:\/|$)/.test(address);
  return isPage ? `${address}${query === undefined ? "" : `?${query}`}` : undefined;
}
