import { ApiProblem } from "../api";
import type { Alerts, Audit, Health } from "../answers";
import { page, type Visit } from "../page";
import { number } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";

interface Model {
  health: Health | null;
  alerts: Alerts["alerts"];
  /** For those who may operate. */
  audit: Audit | null;
}

export const systemPage = page<Model>({
  path: "/system",
  section: "System",
  tenants: "any",
  title: () => "System",
  query: async ({ api, may, url }) => {
    const cursor = url.searchParams.get("cursor") ?? undefined;
    const [health, { alerts }, audit] = await Promise.all([
      healthOf(api),
      api.get<Alerts>("/v1/alerts", { limit: "50" }),
      may("operate") ? api.get<Audit>("/v1/audit", { limit: "50", cursor }) : null,
    ]);
    return { health, alerts, audit };
  },
  view: ({ health, alerts, audit }, visit) => (
    <>
      <h1>System</h1>
      <p>
        {Object.entries(health?.checks ?? {}).map(([name, check]) => (
          <span key={name}>
            <State is={check} word={`${name} ${check}`} />{" "}
          </span>
        ))}
      </p>
      <Section title="Alerts">{alerts.length === 0 ? <Empty>None was sent.</Empty> : <AlertTable alerts={alerts} />}</Section>
      {audit === null ? null : (
        <Section title="Audit">
          {audit.entries.length === 0 ? (
            <Empty>Nothing is recorded yet: who reveals, approves, erases or changes payloads stands here.</Empty>
          ) : (
            <AuditTable visit={visit} audit={audit} />
          )}
        </Section>
      )}
    </>
  ),
});

/** What is down must not take this page with it. */
async function healthOf(api: Visit["api"]): Promise<Health | null> {
  try {
    return await api.get<Health>("/healthz");
  } catch (thrown) {
    if (thrown instanceof ApiProblem) return null;
    throw thrown;
  }
}

function AlertTable({ alerts }: { alerts: Alerts["alerts"] }) {
  return (
    <Table label="Alerts" columns={["State", "About", "Why", "#Count", "Since", "-Sent by"]}>
      {alerts.map((alert, index) => (
        <tr key={alert.cause} id={`alert-${index}`}>
          <td>{alert.state === "open" ? <State is="open" /> : <State is="done" word="recovered" />}</td>
          <td>{alert.subject}</td>
          <td class="words">
            <Sentence text={alert.reason} />
          </td>
          <td class="num">{number(alert.count)}</td>
          <td>
            <Time at={alert.since} />
          </td>
          <td class="wide">{alert.via.length === 0 ? <span class="dim">no channel is set up</span> : alert.via.join(", ")}</td>
        </tr>
      ))}
    </Table>
  );
}

function AuditTable({ visit, audit: { entries, cursor } }: { visit: Visit; audit: Audit }) {
  return (
    <>
      <Table label="Audit" columns={["When", "Who", "What", "About", "-Detail"]}>
        {entries.map(({ tenant, at, actor, action, target, detail }, index) => (
          <tr key={index}>
            <td>
              <Time at={at} />
            </td>
            <td>{actor}</td>
            <td>{action}</td>
            <td class="words">
              {visit.tenant === "*" ? <span class="dim">{tenant} </span> : null}
              {target}
            </td>
            <td class="wide words">{detail}</td>
          </tr>
        ))}
      </Table>
      {cursor === null ? null : (
        <p class="pager">
          <a rel="next" href={`${visit.base}/system?cursor=${encodeURIComponent(cursor)}`}>
            Older
          </a>
        </p>
      )}
    </>
  );
}
