import type { OpenGroup, OpenKind } from "../ledger/open-jobs";
import { tenantsWithJobs } from "../ledger/open-jobs";
import { countsBySite, countsByTenant, type EventCount } from "../ledger/stats-by";
import type { MinuteCount } from "../ledger/views";
import type { IntakeDeps } from "./deps";

export const divisions = ["tenant", "queue", "type", "site"] as const;

export type Division = (typeof divisions)[number];

/** Statistics of the jobs of one group: ended ones by outcome, open ones by state. */
interface StatsGroup {
  name: string;
  events: Record<string, number>;
  open: Record<OpenKind, number>;
  /** Sum of the runs' durations. Milliseconds. */
  ms: number;
}

/** From the minute counters; a promise, so that the open jobs are read at the same time. */
type Counting = readonly MinuteCount[] | Promise<readonly MinuteCount[]>;

/** Statistics by group, the group with the most open jobs first. A type with several queues counts for its usual one. `tenant` null: all tenants; sites need one. */
export async function statsBy(
  deps: Pick<IntakeDeps, "db" | "reports" | "registry">,
  by: Division,
  tenant: string | null,
  counts: Counting,
  span: { from: number; to: number },
): Promise<StatsGroup[]> {
  const [open, events] = await Promise.all([deps.reports.open(tenant), eventsBy(deps, by, tenant, counts, span)]);
  const groups = new Map<string, StatsGroup>();
  for (const { name, event, count, ms } of events) {
    const group = groupOf(groups, name);
    group.events[event] = (group.events[event] ?? 0) + count;
    group.ms += ms;
  }
  for (const each of open) {
    const name = each[by];
    if (name !== null) groupOf(groups, name).open[each.kind] += each.count;
  }
  const openOf = ({ open: kinds }: StatsGroup) => Object.values(kinds).reduce((sum, count) => sum + count, 0);
  return [...groups.values()].toSorted((left, right) => openOf(right) - openOf(left) || (left.name < right.name ? -1 : 1));
}

async function eventsBy(
  { db, registry }: Pick<IntakeDeps, "db" | "registry">,
  by: Division,
  tenant: string | null,
  counts: Counting,
  { from, to }: { from: number; to: number },
): Promise<EventCount[]> {
  if (by === "tenant") return countsByTenant(db, tenant === null ? await tenantsWithJobs(db) : [tenant], from, to);
  if (by === "site") return tenant === null ? [] : countsBySite(db, tenant, from, to);
  const queueOf = (type: string) => registry.find(type)?.contract.queues[0] ?? "unknown";
  return (await counts).map(({ type, event, count, ms }) => ({ name: by === "type" ? type : queueOf(type), event, count, ms }));
}

function groupOf(groups: Map<string, StatsGroup>, name: string): StatsGroup {
  const group = groups.get(name) ?? {
    name,
    events: {},
    open: { running: 0, ready: 0, held: 0, parked: 0, retrying: 0, scheduled: 0 } satisfies Record<OpenGroup["kind"], number>,
    ms: 0,
  };
  groups.set(name, group);
  return group;
}
