import type { Gates } from "../answers";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { WhyRow } from "./why-row";

/** The gates, of all tenants with the tenant of each, and the reason below each that admits no job. */
export function GateTable({ visit, gates }: { visit: Visit; gates: Gates["gates"] }) {
  const isAll = visit.tenant === "*";
  const columns = [...(isAll ? ["Tenant"] : []), "Gate", "Circuit", "#-At once", "-Rate", "#Held", "#-Parked", "Last failure"];
  return (
    <Table label="Gates" columns={columns}>
      {gates.map((gate) => {
        const { tenant, dependency } = gate;
        const id = isAll ? domId("gate", tenant, dependency) : domId("gate", dependency);
        return [
          <tr key={id} id={id}>
            {isAll ? (
              <td>
                <a href={`/t/${tenant}/flow`}>{tenant}</a>
              </td>
            ) : null}
            <td>{dependency}</td>
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
          </tr>,
          gate.why ? <WhyRow key={`${id} why`} visit={visit} id={`${id}-why`} columns={columns.length} why={gate.why} tenant={tenant} /> : null,
        ];
      })}
    </Table>
  );
}
