import { alertPage } from "../../domain/alerts/link";
import type { AlertRules, Alerts, Connection } from "../answers";
import { page, type Visit } from "../page";
import { number } from "../parts/format";
import { Remedies } from "../parts/remedies";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { Rules } from "./rules";

interface Model extends Alerts {
  /** Only for admins. */
  rules: AlertRules["rules"] | null;
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
    return { ...alerts, rules: rules?.rules ?? null, connected: connections?.connections.map(({ name }) => name) ?? [] };
  },
  view: ({ alerts, rules, connected }, visit) => (
    <>
      <h1>Alerts</h1>
      {rules === null ? null : <Rules visit={visit} rules={rules} connected={connected} />}
      <Section title="Found">{alerts.length === 0 ? <Empty>There was nothing to send.</Empty> : <AlertTable visit={visit} alerts={alerts} />}</Section>
    </>
  ),
});

/** The alerts, in the report's sentences, and their channels; the jobs of a channel show whether an alert arrived. */
export function AlertTable({ visit, alerts }: { visit: Visit; alerts: Alerts["alerts"] }) {
  return (
    <Table label="Alerts" columns={["State", "About", "Why", "#-Count", "Since", "-Handed to"]}>
      {alerts.map((alert, index) => (
        <tr key={alert.cause} id={`alert-${index}`}>
          <td>
            <AlertState alert={alert} />
          </td>
          <td class="name">
            <a href={`${visit.base}/${alertPage({ tenant: visit.tenant, cause: alert.cause })}`}>{alert.subject}</a>
          </td>
          <td class="words">
            {alert.notSeenSince === null ? null : (
              <span class="dim">
                Last seen <Time at={alert.notSeenSince} />:{" "}
              </span>
            )}
            <Sentence text={alert.sentence} />
            {alert.actions.length === 0 ? null : (
              <span class="remedies">
                <Remedies visit={visit} remedies={alert.actions} place={`alert-${index}`} />
              </span>
            )}
          </td>
          <td class="num wide">{number(alert.count)}</td>
          <td>
            <Time at={alert.since} />
          </td>
          <td class="wide name">
            {alert.via.length === 0 ? (
              <span class="dim">no channel is set up</span>
            ) : (
              alert.via.map((channel) => <Channel key={channel} visit={visit} channel={channel} />)
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** One that is not seen any more is not red: it recovers when it stays away. */
function AlertState({ alert: { state, notSeenSince } }: { alert: Alerts["alerts"][number] }) {
  if (state === "recovered") return <State is="done" word="recovered" />;
  return notSeenSince === null ? <State is="open" /> : <State is="pending" word="not seen" />;
}

function Channel({ visit, channel }: { visit: Visit; channel: string }) {
  if (visit.tenant === "*") return <>{channel} </>;
  return (
    <>
      <a href={`${visit.base}/jobs?q=${encodeURIComponent(`alert:${channel}`)}`}>{channel}</a>{" "}
    </>
  );
}
