import type { Gates } from "../answers";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";
import { WhyRow } from "../parts/why-row";

type Gate = Gates["gates"][number];

/** The gates, of all tenants with the tenant of each, and the reason below each that admits no job. */
export function GateTable({ visit, gates }: { visit: Visit; gates: readonly Gate[] }) {
  const isAll = visit.tenant === "*";
  const idOf = ({ tenant, dependency }: Gate) => (isAll ? domId("gate", tenant, dependency) : domId("gate", dependency));
  const columns: Column<Gate>[] = [
    ["Gate", ({ dependency }) => dependency],
    ["Circuit", ({ circuit, openUntil }) => [<State is={circuit} />, " ", openUntil === null ? null : <Time at={openUntil} />]],
    ["#-At once", ({ slots }) => `${slots.used}/${slots.max}`],
    ["-Rate", ({ rate }) => (rate === null ? <span class="dim">–</span> : `${number(rate.perSecond)}/s`)],
    ["#Held", ({ held }) => number(held)],
    ["#-Parked", ({ parked }) => number(parked)],
    ["Last failure", ({ lastFailure }) => (lastFailure === null ? null : [<Time at={lastFailure.at} />, " ", lastFailure.reason]), "words"],
  ];
  if (isAll) columns.unshift(["Tenant", ({ tenant }) => <a href={`/t/${tenant}/flow`}>{tenant}</a>]);
  return (
    <Table
      label="Gates"
      rows={gates}
      id={idOf}
      columns={columns}
      below={(gate) => (gate.why ? <WhyRow visit={visit} id={`${idOf(gate)}-why`} columns={columns.length} why={gate.why} tenant={gate.tenant} /> : null)}
    />
  );
}
