import type { Gates } from "../answers";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { WhyRow } from "./why-row";

/** The gates, with the reason below each that admits no job. */
export function GateTable({ visit, gates }: { visit: Visit; gates: Gates["gates"] }) {
  const columns = ["Gate", "Circuit", "#-At once", "-Rate", "#Held", "#-Parked", "Last failure"];
  return (
    <Table label="Gates" columns={columns}>
      {gates.map((gate) => [
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
        </tr>,
        gate.why ? (
          <WhyRow key={`${gate.dependency} why`} visit={visit} id={domId("gate", gate.dependency, "why")} columns={columns.length} why={gate.why} />
        ) : null,
      ])}
    </Table>
  );
}
