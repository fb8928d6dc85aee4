import type { Gates, Pauses } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { domId, number } from "../parts/format";
import { Remedies } from "../parts/remedies";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { flowActions } from "./actions";
import { Hold } from "./hold";
import { type FlowModel, queryFlow } from "./query";
import { QueueTable } from "./queues";

/** What may hold jobs back: queues, gates, pauses. */
export const flowPage = page<FlowModel>({
  path: "/flow",
  section: "Flow",
  tenants: "any",
  title: () => "Flow",
  query: queryFlow,
  view: ({ queues, gates, pauses, types }, visit) => (
    <>
      <h1 class="unseen">Flow</h1>
      <Section title="Pauses" aside={visit.tenant === "*" ? undefined : <WholeTenant visit={visit} pauses={pauses} />}>
        {pauses.length === 0 ? <Empty>Nothing is paused.</Empty> : <PauseTable visit={visit} pauses={pauses} />}
      </Section>
      <Section title="Queues">
        <QueueTable visit={visit} queues={queues} acts />
      </Section>
      {visit.tenant === "*" ? null : (
        <Section title="Gates">
          {gates.length === 0 ? <Empty>There is no gate yet: one is made for each connection and shop.</Empty> : <GateTable visit={visit} gates={gates} />}
        </Section>
      )}
      <Section title="Types">
        <Table label="Types" columns={["Type", "State", "-Queues", "#-Attempts", "#-Concurrency", ""]}>
          {types.map(({ type, queues: on, policy, paused }) => (
            <tr key={type} id={domId("type", type)}>
              <td>{visit.tenant === "*" ? type : <a href={`${visit.base}/jobs?type=${encodeURIComponent(type)}`}>{type}</a>}</td>
              <td>{paused ? <State is="paused" /> : null}</td>
              <td class="wide">{on.join(", ")}</td>
              <td class="num wide">{policy.maxAttempts}</td>
              <td class="num wide">{policy.concurrency}</td>
              <td class="actions">
                <Hold visit={visit} scope="type" name={type} isPaused={paused} />
              </td>
            </tr>
          ))}
        </Table>
      </Section>
    </>
  ),
});

function WholeTenant({ visit, pauses }: { visit: Visit; pauses: Pauses["pauses"] }) {
  const isPaused = pauses.some(({ scope, name }) => scope === "tenant" && name === visit.tenant);
  return isPaused ? null : <Hold visit={visit} scope="tenant" name={visit.tenant} isPaused={false} label="Pause the tenant" />;
}

function PauseTable({ visit, pauses }: { visit: Visit; pauses: Pauses["pauses"] }) {
  return (
    <Table label="Pauses" columns={["What", "For", "Since", "By", "Why", ""]}>
      {pauses.map(({ scope, name, tenant, since, actor, reason }) => (
        <tr key={`${tenant} ${scope} ${name}`} id={domId("pause", tenant, scope, name)}>
          <td>
            <State is="paused" word={`${scope} ${name}`} />
          </td>
          <td>{tenant === "*" ? "all tenants" : tenant}</td>
          <td>
            <Time at={since} />
          </td>
          <td>{actor ?? "unknown"}</td>
          <td class="words">{reason ?? <span class="dim">no reason given</span>}</td>
          <td class="actions">
            {tenant !== "*" || visit.isRoot ? (
              <Remedies visit={visit} remedies={[{ method: "POST", path: `/v1/${scope}s/${name}/resume`, label: "Resume" }]} tenant={tenant} />
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function GateTable({ visit, gates }: { visit: Visit; gates: Gates["gates"] }) {
  return (
    <Table label="Gates" columns={["Gate", "Circuit", "#-At once", "-Rate", "#Held", "#-Parked", "Last failure", ""]}>
      {gates.map((gate) => (
        <tr key={gate.dependency} id={domId("gate", gate.dependency)}>
          <td>{gate.dependency}</td>
          <td>
            <State is={gate.circuit} /> {gate.openUntil === null ? null : <Time at={gate.openUntil} />}
          </td>
          <td class="num wide">
            {gate.slots.used}/{gate.slots.max}
          </td>
          <td class="wide">{gate.rate === null ? <span class="dim">–</span> : `${number(gate.rate.perSecond)}/s`}</td>
          <td class="num">{number(gate.held)}</td>
          <td class="num wide">{number(gate.parked)}</td>
          <td class="words">
            {gate.lastFailure === null ? null : (
              <>
                <Time at={gate.lastFailure.at} /> {gate.lastFailure.reason}
              </>
            )}
          </td>
          <td class="actions">
            {gate.circuit === "open" || gate.circuit === "half-open" ? (
              <>
                <Act visit={visit} action={flowActions.probeGate} fields={{ dependency: gate.dependency }} />{" "}
                <Act visit={visit} action={flowActions.resetGate} fields={{ dependency: gate.dependency }} />
              </>
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}
