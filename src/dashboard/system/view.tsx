import { plural } from "../../decimal";
import { AlertTable } from "../alerts/view";
import type { Access, Alerts, Audit, Health, Heartbeat, Installation } from "../answers";
import { ApiProblem } from "../api";
import { page, type Visit } from "../page";
import { duration } from "../parts/format";
import { State } from "../parts/state";
import { Older, Section, Table, Tenant } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { AccessPart, HeartbeatPart } from "./settings";

interface Model {
  health: Health | null;
  /** Only for the root token. */
  installation: Installation | null;
  /** Settings that only the root token may change. */
  heartbeat: Heartbeat | null;
  access: Access | null;
  /** Alerts of the installation; a tenant has a page of its own. */
  alerts: Alerts["alerts"];
  /** Only for the scope `operate`. */
  audit: Audit | null;
}

export const systemPage = page<Model>({
  path: "/system",
  section: "System",
  tenants: "any",
  title: () => "System",
  query: async ({ api, may, url, tenant }) => {
    const cursor = url.searchParams.get("cursor") ?? undefined;
    const [health, installation, heartbeat, access, alerts, audit] = await Promise.all([
      healthOf(api),
      may("root") ? api.get<Installation>("/v1/installation") : null,
      may("root") ? setting<Heartbeat>(api, "/v1/heartbeat") : null,
      may("root") ? setting<Access>(api, "/v1/access") : null,
      tenant === "*" ? api.get<Alerts>("/v1/alerts", { limit: "50" }) : undefined,
      may("operate") ? api.get<Audit>("/v1/audit", { limit: "50", cursor }) : null,
    ]);
    return { health, installation, heartbeat, access, alerts: alerts?.alerts ?? [], audit };
  },
  view: ({ health, installation, heartbeat, access, alerts, audit }, visit) => (
    <>
      <h1>System</h1>
      <p>
        {Object.entries(health?.checks ?? {}).map(([name, check]) => (
          <span key={name}>
            <State is={check} word={`${name} ${check}`} />{" "}
          </span>
        ))}
      </p>
      {installation === null ? null : <InstallationParts installation={installation} />}
      {visit.may("root") ? (
        <>
          <HeartbeatPart visit={visit} heartbeat={heartbeat} />
          <AccessPart visit={visit} access={access} />
        </>
      ) : null}
      {visit.tenant === "*" ? (
        <Section title="Alerts">
          <AlertTable visit={visit} alerts={alerts} empty="No alert was sent." />
        </Section>
      ) : null}
      {audit === null ? null : (
        <Section title="Audit">
          <AuditTable visit={visit} audit={audit} />
        </Section>
      )}
    </>
  ),
});

function InstallationParts({ installation: { versions, steps, ledger } }: { installation: Installation }) {
  return (
    <>
      <Section title="Tick">
        <Table
          label="Steps of the tick"
          rows={steps}
          id={({ step }) => `step-${step}`}
          empty="The tick has not run yet: check the Worker's cron trigger."
          columns={[
            ["Step", ({ step }) => step],
            ["Last outcome", ({ outcome }) => <State is={outcome} />],
            ["When", ({ at }) => <Time at={at} />],
            ["#Took", ({ ms }) => duration(ms)],
            ["-Detail", ({ detail }) => (detail === null ? null : <Sentence text={detail} />), "words"],
          ]}
        />
      </Section>
      <Section title="Ledger">
        <p>
          {ledger.bytes === null ? "The size of the database is not known." : `The database has ${gigabytes(ledger.bytes)} of ${gigabytes(ledger.maxBytes)}.`}
        </p>
      </Section>
      <Section title="Versions seen">
        <Table
          label="Versions"
          rows={versions}
          id={({ version }) => `version-${version}`}
          empty="The tick writes a version down when it first sees it."
          columns={[
            ["Version", ({ version }) => version, "mono"],
            ["Tag", ({ tag }) => tag],
            ["First seen", ({ firstAt }) => <Time at={firstAt} />],
          ]}
        />
      </Section>
    </>
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Null: it is not set. */
async function setting<Value>(api: Visit["api"], path: string): Promise<Value | null> {
  try {
    return await api.get<Value>(path);
  } catch (thrown) {
    if (thrown instanceof ApiProblem && thrown.status === 404) return null;
    throw thrown;
  }
}

/** Null when the health cannot be read: the page is shown without it. */
async function healthOf(api: Visit["api"]): Promise<Health | null> {
  try {
    return await api.get<Health>("/healthz");
  } catch (thrown) {
    if (thrown instanceof ApiProblem) return null;
    throw thrown;
  }
}

/** Link to the page of the audited object; text where it has none. */
function AuditTarget({ tenant, action, target }: { tenant: string; action: string; target: string | null }) {
  const address = target === null ? undefined : auditAddress(action, target);
  return address === undefined ? <>{target}</> : <a href={`/t/${tenant}${address}`}>{target}</a>;
}

const pagesOf: Readonly<Record<string, (name: string) => string>> = {
  "alert-rules": () => "/alerts",
  "bulk-actions": (id) => `/bulk/${id}`,
  campaigns: (id) => `/campaigns/${id}`,
  gates: () => "/flow",
  queues: (name) => `/flow/${name}`,
  replays: (id) => `/replays/${id}`,
  tenants: () => "/flow",
  types: () => "/flow",
};

/** A target is a path of the API, or only the id of a replay or bulk action. */
function auditAddress(action: string, target: string): string | undefined {
  if (/^[0-9a-f-]{36}$/.test(target)) {
    if (action === "replay" || action === "patch") return `/replays/${target}`;
    return ["cancel", "dismiss", "run-now"].includes(action) ? `/bulk/${target}` : undefined;
  }
  const [kind = "", name = ""] = target.split("/");
  return Object.hasOwn(pagesOf, kind) && name ? pagesOf[kind]?.(encodeURIComponent(name)) : undefined;
}

function AuditTable({ visit, audit: { entries, cursor } }: { visit: Visit; audit: Audit }) {
  return (
    <>
      <Table
        label="Audit"
        rows={entries}
        empty="Nothing is recorded yet: who reveals, approves, erases or changes payloads stands here."
        columns={[
          ["When", ({ at }) => <Time at={at} />],
          ["Who", ({ actor, actorName }) => actorName ?? actor, "", ({ actor }) => actor],
          ["What", ({ action }) => action],
          ["About", (entry) => [<Tenant visit={visit} of={entry.tenant} />, <AuditTarget {...entry} />], "words"],
          ["-Detail", ({ jobs, detail }) => [jobs === null ? "" : plural(jobs, "job"), detail ?? ""].filter(Boolean).join(", "), "words"],
        ]}
      />
      <Older cursor={cursor} path={`${visit.base}/system`} />
    </>
  );
}
