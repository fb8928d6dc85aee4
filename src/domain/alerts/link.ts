import { type Alert, installation } from "./model";

/** Of findings, the page that shows what they are about; of the others, the page that lists them all. */
const pages: Readonly<Record<string, string>> = {
  "circuit-open": "flow",
  paused: "flow",
  stuck: "flow",
  behind: "flow",
  "schedule-failed": "schedules",
  "schedule-skipped": "schedules",
  "site-paused": "sites",
  "site-unreadable": "sites",
  "heartbeat-failing": "system",
};

/** Where an operator reads on; undefined where the installation does not know its own address (PUBLIC_URL, OWN_HOSTS). */
export function linkOf({ tenant, cause }: Pick<Alert, "tenant" | "cause">, publicUrl: string | undefined): string | undefined {
  return publicUrl === undefined ? undefined : `${publicUrl}/t/${tenant}/${pageOf(tenant, cause)}`;
}

function pageOf(tenant: string, cause: string): string {
  const [kind = "", , code = ""] = cause.split("/");
  if (kind === "dead-letters") return `failures/${encodeURIComponent(cause.slice("dead-letters/".length))}`;
  if (kind === "tick" || tenant === installation) return "system";
  return kind === "finding" ? (pages[code] ?? "") : "";
}
