import type { Stats } from "../answers";
import { Bar } from "../parts/bar";
import { duration, number } from "../parts/format";
import { Section, Table } from "../parts/table";

type Group = NonNullable<Stats["groups"]>[number];

const maxShown = 10;
/** Jobs that a gate, a pause or a wait holds back, as on the page Flow. */
const held = ["held", "parked"];

/** The ten tenants with the most run time, running and waiting jobs. */
export function Shares({ groups, hours }: { groups: readonly Group[]; hours: number }) {
  const largest = groups.toSorted((left, right) => weightOf(right) - weightOf(left)).slice(0, maxShown);
  const maxMs = Math.max(0, ...largest.map(({ ms }) => ms));
  if (largest.length === 0) return null;
  return (
    <Section title="Tenants" aside={<a href="/t/*/tenants">all of them</a>}>
      <Table
        label="Tenants"
        columns={["Tenant", "#Running", "#Ready", "#Held", "#-Retrying", "#-Scheduled", "#-Done", "#-Failed", `#Run time in ${hours} h`, "-Share"]}
      >
        {largest.map(({ name, open, events, ms }) => (
          <tr key={name} id={`share-${name}`}>
            <td>
              <a href={`/t/${encodeURIComponent(name)}/`}>{name}</a>
            </td>
            <td class="num">{number(open["running"] ?? 0)}</td>
            <td class="num">{number(open["ready"] ?? 0)}</td>
            <td class="num">{number(held.reduce((sum, kind) => sum + (open[kind] ?? 0), 0))}</td>
            <td class="num wide">{number(open["retrying"] ?? 0)}</td>
            <td class="num wide">{number(open["scheduled"] ?? 0)}</td>
            <td class="num wide">{number(events["done"] ?? 0)}</td>
            <td class="num wide">{number((events["dead"] ?? 0) + (events["discarded"] ?? 0))}</td>
            <td class="num">{duration(ms)}</td>
            <td class="wide">
              <Bar value={ms} max={maxMs} />
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

/** Orders by run time, then by running and waiting jobs. */
function weightOf({ ms, open }: Group): number {
  return ms + Object.values(open).reduce((sum, count) => sum + count, 0);
}
