import { iso } from "../../time/iso";
import * as v from "valibot";
import { Problem } from "../../errors";
import { durationsIn } from "../../ledger/durations";
import { versionsIn } from "../../ledger/versions";
import type { MinuteCount } from "../../ledger/views";
import type { PlatformDeps } from "../deps";
import { type Metrics, metricsText } from "../metrics";
import { time } from "../query";
import { divisions, statsBy } from "../stats-by";
import { route } from "../route";
import { count, isoTime, outputList, outputRecord } from "../../bounded";
import { healthShape } from "../shapes";
import { hourMs } from "../../time/day";

const maxStatsMs = 7 * 24 * hourMs;
/** Number of past minutes that /metrics sums. */
const metricsWindowMs = hourMs;
const prometheus = "text/plain; version=0.0.4; charset=utf-8";

const byEvent = outputRecord(count);

export const statsShape = v.object({
  from: isoTime,
  to: isoTime,
  totals: v.pipe(outputRecord(byEvent), v.description("By type, then event")),
  minutes: outputList(v.object({ minute: isoTime, type: v.string(), event: v.string(), count, ms: v.number() })),
  backlog: v.object({
    deadLetters: count,
    discarded: v.pipe(count, v.description("Dead letters that are discarded; the others are dead")),
    parked: count,
    due: count,
  }),
  deploys: v.pipe(
    outputList(v.object({ version: v.string(), tag: v.string(), at: isoTime })),
    v.description("Versions of the Worker that were first seen in this time, the oldest first"),
  ),
  by: v.optional(v.string()),
  groups: v.optional(outputList(v.object({ name: v.string(), events: byEvent, open: byEvent, ms: v.number() }))),
});

export const systemRoutes = [
  route("GET /healthz", {
    name: "health",
    summary: "Whether the Worker answers, and what it can reach",
    description: "It checks D1, KV and whether the queues take messages.",
    scope: "public",
    tenant: "none",
    answers: { 200: healthShape },
    handle: async ({ deps }) => {
      const checks = await deps.platform.health();
      const status = Object.values(checks).includes("failing") ? "degraded" : "ok";
      return { status: 200, body: { status, time: iso(deps.now()), checks } };
    },
  }),
  route("GET /metrics", {
    name: "metrics",
    summary: "Metrics for Prometheus; a tenant's token shows only its own",
    description: "Wait and run times as histograms by type, counts of the last hour, backlogs, and for the root token queues and the tick.",
    scope: "read",
    tenant: "any",
    answers: { 200: "text/plain" },
    handle: async ({ deps, tenant }) => {
      const to = deps.now();
      const [counts, backlog, { types, tick }] = await Promise.all([
        deps.queries.counts(tenant, to - metricsWindowMs, to),
        deps.queries.backlog(tenant),
        durationsIn(deps.db, tenant),
      ]);
      const all: Partial<Metrics> = tenant === null ? await ofInstallation(deps.platform) : {};
      return {
        status: 200,
        text: metricsText({ counts, backlog, durations: types, tick, queues: [], steps: [], ledger: null, ...all }),
        headers: { "content-type": prometheus },
      };
    },
  }),
  route("GET /v1/stats", {
    name: "stats",
    summary: "Counts by minute, type and event, and what is left to do",
    description: "From minute counters, which lag by two seconds.",
    scope: "read",
    tenant: "any",
    query: v.strictObject({
      from: v.optional(time),
      to: v.optional(time),
      by: v.optional(
        v.pipe(
          v.picklist(divisions, `must be one of ${divisions.join(", ")}`),
          v.description("Adds groups, each with its ended jobs by outcome and its open jobs by state"),
        ),
      ),
    }),
    answers: { 200: statsShape },
    handle: async ({ deps, tenant, query }) => {
      const to = query.to ?? deps.now();
      const from = query.from ?? to - hourMs;
      checkRange(from, to);
      const counting = deps.queries.counts(tenant, from, to);
      const [counts, backlog, versions, groups] = await Promise.all([
        counting,
        deps.queries.backlog(tenant),
        versionsIn(deps.db),
        query.by === undefined ? undefined : statsBy(deps, query.by, tenant, counting, { from, to }),
      ]);
      const minutes = counts.map((count) => ({ ...count, minute: iso(count.minute) }));
      const seen = versions.filter(({ firstAt }) => firstAt >= from && firstAt < to).toReversed();
      const deploys = seen.map(({ id, tag, firstAt }) => ({ version: id, tag, at: iso(firstAt) }));
      const divided = groups === undefined ? {} : { by: query.by, groups };
      return { status: 200, body: { from: iso(from), to: iso(to), totals: totalsOf(counts), minutes, backlog, deploys, ...divided } };
    },
  }),
];

async function ofInstallation(platform: PlatformDeps): Promise<Pick<Metrics, "queues" | "steps" | "ledger">> {
  const [all, steps, ledger] = await Promise.all([platform.queues(), platform.tickSteps(), platform.ledgerSize()]);
  return { queues: all, steps, ledger };
}

function checkRange(from: number, to: number): void {
  if (from < to && to - from <= maxStatsMs) return;
  throw new Problem("invalid", "The time range is wrong: from must be before to, and at most 7 days earlier.", {
    errors: [{ path: "from", message: "must be before to, and at most 7 days earlier" }],
  });
}

function totalsOf(counts: readonly MinuteCount[]): Record<string, Record<string, number>> {
  const totals = new Map<string, Map<string, number>>();
  for (const { type, event, count } of counts) {
    const events = totals.get(type) ?? new Map<string, number>();
    totals.set(type, events.set(event, (events.get(event) ?? 0) + count));
  }
  return Object.fromEntries([...totals].map(([type, events]) => [type, Object.fromEntries(events)]));
}
