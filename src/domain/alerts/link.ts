import { type Alert, installation } from "./model";
import { causeOf } from "./rule";

/** By what an alert is about, the page that shows it: `name` is what follows the kind in its subject. */
const pages: Readonly<Record<string, (name: string, code: string) => string>> = {
  group: (name) => `failures/${name}`,
  queue: (name) => `flow/${name}`,
  gate: () => "flow",
  tenant: () => "flow",
  type: (name, code) => typePages[code]?.(name) ?? "flow",
  campaign: (name) => `campaigns/${name}`,
  schedule: () => "schedules",
  site: (name) => `sites/${name}`,
  destination: () => "settings",
  subscription: () => "settings",
  worker: () => "workers",
  tick: () => "system",
  heartbeat: () => "system",
  ledger: () => "system",
  budget: () => "costs",
};

const typePages: Readonly<Record<string, (type: string) => string>> = {
  // For alerts that were opened while one was about all failures of a type.
  retrying: (type) => `jobs?state=retrying&type=${type}`,
  "no-worker": () => "workers",
};

/** Where an operator reads on; undefined where the installation does not know its own address (PUBLIC_URL, OWN_HOSTS). */
export function linkOf(alert: Pick<Alert, "tenant" | "cause">, publicUrl: string | undefined): string | undefined {
  return publicUrl === undefined ? undefined : `${publicUrl}/t/${alert.tenant}/${alertPage(alert)}`;
}

/** The page about an alert, behind `/t/{tenant}/`; empty for Now. */
export function alertPage({ tenant, cause }: Pick<Alert, "tenant" | "cause">): string {
  const { code, subject } = causeOf(cause);
  const [kind = "", ...rest] = subject.split("/");
  const page = Object.hasOwn(pages, kind) ? pages[kind]?.(encodeURIComponent(rest.join("/")), code) : undefined;
  return page ?? (tenant === installation ? "system" : "");
}
