import { alertPage } from "../../domain/alerts/link";
import type { AlertRules, Alerts, Connection } from "../answers";
import { page, type Visit } from "../page";
import { number } from "../parts/format";
import { Remedies } from "../parts/remedies";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { Rules } from "./rules";

interface Model extends Alerts {
  /** Only for admins. */
  rules: AlertRules | null;
  /** Names of the tenant's connections. */
  connected: readonly string[];
}

export const alertsPage = page<Model>({
  path: "/alerts",
  section: "Alerts",
  tenants: "one",
  title: () => "Alerts",
  query: async ({ api, may }) => {
    const isAdmin = may("admin");
    const [alerts, rules, connections] = await Promise.all([
      api.get<Alerts>("/v1/alerts", { limit: "50" }),
      isAdmin ? api.get<AlertRules>("/v1/alert-rules") : null,
      isAdmin ? api.get<{ connections: Connection[] }>("/v1/connections") : null,
    ]);
    return { ...alerts, rules, connected: connections?.connections.map(({ name }) => name) ?? [] };
  },
  view: ({ alerts, rules, connected }, visit) => (
    <>
      <h1>Alerts</h1>
      {rules === null ? null : <Rules visit={visit} {...rules} connected={connected} />}
      <Section title="Found">
        <AlertTable visit={visit} alerts={alerts} empty="There was nothing to send." />
      </Section>
    </>
  ),
});

/** The alerts, in the report's sentences, and their channels; the jobs of a channel show whether an alert arrived. */
export function AlertTable({ visit, alerts, empty }: { visit: Visit; alerts: Alerts["alerts"]; empty: string }) {
  const rows = alerts.map((alert, index) => ({ alert, id: `alert-${index}` }));
  return (
    <Table
      label="Alerts"
      rows={rows}
      id={({ id }) => id}
      empty={empty}
      columns={[
        ["State", ({ alert }) => <AlertState alert={alert} />],
        ["About", ({ alert }) => <a href={`${visit.base}/${alertPage({ tenant: visit.tenant, cause: alert.cause })}`}>{alert.subject}</a>, "name"],
        ["Why", ({ alert, id }) => <AlertReason visit={visit} alert={alert} place={id} />, "words"],
        ["#-Count", ({ alert }) => number(alert.count)],
        ["Since", ({ alert }) => <Time at={alert.since} />],
        ["-Handed to", ({ alert }) => <HandedTo visit={visit} via={alert.via} />, "name"],
      ]}
    />
  );
}

function AlertReason({ visit, alert, place }: { visit: Visit; alert: Alerts["alerts"][number]; place: string }) {
  return (
    <>
      {alert.notSeenSince === null ? null : (
        <span class="dim">
          Last seen <Time at={alert.notSeenSince} />:{" "}
        </span>
      )}
      <Sentence text={alert.sentence} />
      {alert.actions.length === 0 ? null : (
        <span class="remedies">
          <Remedies visit={visit} remedies={alert.actions} place={place} />
        </span>
      )}
    </>
  );
}

/** One that is not seen any more is not red: it recovers when it stays away. */
function AlertState({ alert: { state, notSeenSince } }: { alert: Alerts["alerts"][number] }) {
  if (state === "recovered") return <State is="done" word="recovered" />;
  return notSeenSince === null ? <State is="open" /> : <State is="pending" word="not seen" />;
}

function HandedTo({ visit, via }: { visit: Visit; via: readonly string[] }) {
  if (via.length === 0) return <span class="dim">no channel is set up</span>;
  if (visit.tenant === "*") return <>{via.join(" ")} </>;
  return <>{via.map((channel) => [<a href={`${visit.base}/jobs?q=${encodeURIComponent(`alert:${channel}`)}`}>{channel}</a>, " "])}</>;
}
