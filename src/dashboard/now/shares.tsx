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
        rows={largest}
        id={({ name }) => `share-${name}`}
        columns={[
          ["Tenant", ({ name }) => <a href={`/t/${encodeURIComponent(name)}/`}>{name}</a>],
          ["#Running", ({ open }) => number(open["running"] ?? 0)],
          ["#Ready", ({ open }) => number(open["ready"] ?? 0)],
          ["#Held", ({ open }) => number(held.reduce((sum, kind) => sum + (open[kind] ?? 0), 0))],
          ["#-Retrying", ({ open }) => number(open["retrying"] ?? 0)],
          ["#-Scheduled", ({ open }) => number(open["scheduled"] ?? 0)],
          ["#-Done", ({ events }) => number(events["done"] ?? 0)],
          ["#-Failed", ({ events }) => number((events["dead"] ?? 0) + (events["discarded"] ?? 0))],
          [`#Run time in ${hours} h`, ({ ms }) => duration(ms)],
          ["-Share", ({ ms }) => <Bar value={ms} max={maxMs} />],
        ]}
      />
    </Section>
  );
}

/** Orders by run time, then by running and waiting jobs. */
function weightOf({ ms, open }: Group): number {
  return ms + Object.values(open).reduce((sum, count) => sum + count, 0);
}
