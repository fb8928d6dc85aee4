import type { OpenGroup, StartedJob } from "../../ledger/open-jobs";
import { failureKind } from "../../ledger/failure-kind";
import type { HeavyView } from "../../ledger/heavy";
import type { PauseView } from "../../ledger/pauses";
import type { JobView, MinuteCount } from "../../ledger/views";
import { dayLimitIn } from "../../d1";
import { messageOf } from "../../errors";
import type { SpentDay } from "../../queue/memory";
import { dayLimitFinding } from "../installation/day-limit";
import type { LedgerLimit } from "../installation/ledger-size";
import { troubledCampaigns } from "../campaigns/trouble";
import { budgetsSpent } from "../costs/queries";
import type { GateView } from "../gates/model";
import type { ReportFacts, FailingGroup } from "./facts";
import { finders } from "./findings";
import { endedOn, flowOf, type QueueFlow } from "./flow";
import { flowWhy, type QueueWhy } from "./flow-why";
import { circuitsBefore, gatesBefore, openGates, type TenantGate } from "./gates";
import { prospectsWhy, jobsWhy, pausedSites, silentTypes } from "./jobs-why";
import { type Finding, sortFindings, type Why } from "./model";
import { reportRows } from "./queries";
import type { PausedSite, Prospect } from "./why";
import { minuteMs } from "../../time/day";

interface ReportDeps {
  db: D1Database;
  now(): number;
  /** Those that have jobs. */
  tenants(): Promise<readonly string[]>;
  open(tenants: readonly string[], now: number): Promise<OpenGroup[]>;
  started(tenants: readonly string[]): Promise<StartedJob[]>;
  counts(tenant: string | null, from: number, to: number): Promise<MinuteCount[]>;
  /** Null: all; else the tenant's own and those for all. */
  pauses(tenant: string | null): Promise<PauseView[]>;
  /** Heavy tenants: this one, or (null) all. */
  heavy(tenant: string | null): Promise<HeavyView[]>;
  gates(tenant: string, limit: number): Promise<readonly GateView[]>;
  /** Those of these gates that answer. */
  gatesNamed(tenant: string, names: readonly string[]): Promise<readonly GateView[]>;
  /** The gates of these jobs by their payloads, in their order; none of a payload that is not in its row, large or unreadable. */
  gatesOf(jobs: readonly { tenant: string; id: string }[]): Promise<readonly { tenant: string; gate: string }[]>;
  steps(): Promise<readonly { step: string; outcome: string; at: number; detail?: string | null }[]>;
  queues: readonly string[];
  queuesOf(type: string): readonly string[];
  /** Remote types, each with when a worker last asked for it. */
  polls(tenant: string): Promise<ReadonlyMap<string, number | null>>;
  isRemote(type: string): boolean;
  /** The limit of a day by which D1 last refused; null: none is known. */
  dayLimit(): Promise<SpentDay | null>;
  /** How large the ledger, which has so many bytes, may become. */
  ledgerLimit(bytes: number | null): Promise<LedgerLimit>;
}

/** The operators' report of a tenant's work, or (null) of the installation's. */
export type Reports = ReturnType<typeof createReports>;

const windowMs = 5 * minuteMs;
/** An ended campaign is reported for this long. Milliseconds. */
const endedWithinMs = 24 * 60 * minuteMs;
/** Tenants whose waits are looked at. */
const maxStartedTenants = 20;

export function createReports(deps: ReportDeps) {
  return {
    findings: (tenant: string | null): Promise<Finding[]> => findingsWithLimit(deps, tenant),
    /** Open jobs, grouped; of null those of all tenants. */
    open: async (tenant: string | null): Promise<OpenGroup[]> => deps.open(tenant === null ? await deps.tenants() : [tenant], deps.now()),
    /** Circuits of all tenants that are not closed: those that hold jobs, or may. */
    openGates: async (): Promise<TenantGate[]> => openGates(deps, null, await deps.open(await deps.tenants(), deps.now())),
    /** By queue, each with why its jobs wait; null when none is held back or late. */
    flow: (tenant: string | null): Promise<ReadonlyMap<string, QueueFlow & { why: QueueWhy | null }>> => flow(deps, tenant),
    /** In the order of the jobs; null for those that run or have ended well. */
    why: (tenant: string, jobs: readonly JobView[]): Promise<(Why | null)[]> => jobsWhy(deps, tenant, jobs),
    /** Why jobs that are about to be enqueued would wait, in their order; null: nothing holds them that is known. */
    holds: (tenant: string, jobs: readonly Prospect[]): Promise<(Why | null)[]> => prospectsWhy(deps, tenant, jobs),
  };
}

/** The findings, and D1's daily limit. When the limit lets nothing be read, the limit alone. */
async function findingsWithLimit(deps: ReportDeps, tenant: string | null): Promise<Finding[]> {
  const now = deps.now();
  try {
    const [found, spent] = await Promise.all([findings(deps, tenant), deps.dayLimit()]);
    return spent ? sortFindings([...found, ...dayLimitFinding(spent, now)]) : found;
  } catch (thrown) {
    const limit = dayLimitIn(messageOf(thrown));
    if (limit === undefined) throw thrown;
    const spent = await deps.dayLimit();
    return dayLimitFinding({ limit, since: spent?.since ?? now, seen: now }, now);
  }
}

async function findings(deps: ReportDeps, tenant: string | null): Promise<Finding[]> {
  const now = deps.now();
  const tenants = tenant === null ? await deps.tenants() : [tenant];
  const [budgets, campaigns, rows, open, pauses, heavy, counts, steps] = await Promise.all([
    budgetsSpent(deps.db, tenant, now),
    troubledCampaigns(deps.db, tenants, now - endedWithinMs, now),
    reportRows(deps.db, tenant, tenants),
    deps.open(tenants, now),
    deps.pauses(tenant),
    deps.heavy(tenant),
    deps.counts(tenant, now - windowMs, now + minuteMs),
    tenant === null ? deps.steps() : [],
  ]);
  const [gates, unpolled, ledgerLimit] = await Promise.all([
    openGates(deps, tenant, open),
    unpolledTypes(deps, open),
    tenant === null ? deps.ledgerLimit(rows.ledgerBytes) : null,
  ]);
  const retrying = await unsettled(open, rows.settled);
  const facts: ReportFacts = {
    ...rows,
    budgets,
    campaigns,
    now,
    open,
    retrying,
    pauses,
    heavy,
    steps,
    gates,
    circuits: circuitsBefore(open, gates),
    unpolled,
    ended: endedByQueue(deps, open, counts),
    installation: tenant === null,
    ledgerLimit,
  };
  return sortFindings(finders.flatMap((find) => find(facts)));
}

/** Jobs that will be tried again, but for those whose failure is resolved or ignored. */
async function unsettled(open: readonly OpenGroup[], settled: ReportFacts["settled"]): Promise<FailingGroup[]> {
  const known = new Set(settled.map(({ tenant, group }) => `${tenant} ${group}`));
  const retrying = open.filter(({ kind }) => kind === "retrying");
  const failing = await Promise.all(retrying.map(async (each) => ({ ...each, group: await failureKind(each.type, each.cause ?? "") })));
  return failing.filter(({ tenant, group }) => !known.has(`${tenant} ${group}`));
}

/** Counters know no queue: a type counts for each of its queues. */
function endedByQueue(deps: ReportDeps, open: readonly OpenGroup[], counts: readonly MinuteCount[]): Map<string, number> {
  return new Map(open.map(({ tenant, queue }) => [`${tenant} ${queue}`, endedOn(queue, counts, deps.queuesOf)]));
}

async function unpolledTypes(deps: ReportDeps, open: readonly OpenGroup[]): Promise<ReportFacts["unpolled"]> {
  const tenants = [...new Set(open.filter(({ type }) => deps.isRemote(type)).map(({ tenant }) => tenant))];
  const found = await Promise.all(
    tenants.map(async (tenant) => {
      const silent = await silentTypes(deps, tenant);
      return [...silent].flatMap(([type, since]) => {
        const own = open.filter((group) => group.tenant === tenant && group.type === type && group.kind !== "scheduled" && group.kind !== "running");
        const count = own.reduce((sum, group) => sum + group.count, 0);
        return count === 0 ? [] : [{ tenant, type, count, since, oldestAt: Math.min(...own.map(({ oldestAt }) => oldestAt)) }];
      });
    }),
  );
  return found.flat();
}

async function flow(deps: ReportDeps, tenant: string | null): ReturnType<Reports["flow"]> {
  const now = deps.now();
  const tenants = tenant === null ? await deps.tenants() : [tenant];
  const [groups, started, counts, pauses, heavy] = await Promise.all([
    deps.open(tenants, now),
    deps.started(tenants.slice(0, maxStartedTenants)),
    deps.counts(tenant, now - windowMs, now + minuteMs),
    deps.pauses(tenant),
    deps.heavy(tenant),
  ]);
  const isHeldAtSite = groups.some(({ kind, site }) => site !== null && (kind === "held" || kind === "parked"));
  const [gates, unpolled, sites] = await Promise.all([
    gatesBefore(deps, groups),
    unpolledTypes(deps, groups),
    isHeldAtSite ? pausedSites(deps.db, tenant) : new Map<string, PausedSite>(),
  ]);
  // For the installation only pauses for all tenants hold a queue.
  const own = pauses.filter((pause) => tenant !== null || pause.tenant === "*");
  const circuits = circuitsBefore(groups, gates);
  const facts = { now, groups, started, counts, minutes: windowMs / minuteMs, pauses: own, circuits, unpolled, queuesOf: deps.queuesOf };
  return new Map(
    deps.queues.map((queue) => {
      const flow = flowOf(queue, facts);
      return [queue, { ...flow, why: flowWhy(queue, flow, { ...facts, tenant, gates, heavy, sites, allPauses: pauses }) }];
    }),
  );
}
