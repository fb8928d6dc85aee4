import { durationBounds, type DurationKind, type Histogram, type TypeDurations } from "../ledger/durations";
import type { Backlog } from "../ledger/views";
import type { MinuteCount } from "../ledger/views";
import type { PlatformDeps, QueueMetrics } from "./deps";

export interface Metrics {
  counts: readonly MinuteCount[];
  backlog: Pick<Backlog, "deadLetters" | "parked" | "due">;
  queues: readonly QueueMetrics[];
  steps: Awaited<ReturnType<PlatformDeps["tickSteps"]>>;
  durations: readonly TypeDurations[];
  /** Bytes of D1 (null: not known), and how many it may have; null for a tenant. */
  ledger: { bytes: number | null; maxBytes: number } | null;
  /** Durations of ticks; undefined before the first tick, and for a tenant. */
  tick: Histogram | undefined;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number | null];

/**
 * The Prometheus text format, version 0.0.4. Counts of the last hour may fall, so they are gauges; the histograms only grow. Labels are types,
 * outcomes, queues and steps, of which there are few: no tenant, no id.
 */
export function metricsText(metrics: Metrics): string {
  return [...ofJobs(metrics), ...ofLedger(metrics), ...ofQueues(metrics), ...ofTicks(metrics)].join("");
}

function ofJobs({ counts, durations, tick }: Metrics): string[] {
  const waits = durations.map(({ type, wait }) => [{ type }, wait] as const);
  const runs = durations.map(({ type, run }) => [{ type }, run] as const);
  return [
    family("jobyard_jobs_last_hour", "Jobs by type and what happened to them within the last hour.", summed(counts, "count")),
    family("jobyard_run_seconds_last_hour", "Seconds spent in runs within the last hour, by type and how they ended.", summed(counts, "ms", 1000)),
    histograms("jobyard_wait_seconds", "Seconds that jobs could have run and did not, before their first run.", "wait", waits),
    histograms("jobyard_run_seconds", "Seconds that runs took, by type.", "run", runs),
    histograms("jobyard_tick_seconds", "Seconds that ticks took.", "run", tick ? [[{}, tick]] : []),
  ];
}

function ofLedger({ backlog, ledger }: Metrics): string[] {
  return [
    family("jobyard_dead_letters", "Dead letters neither replayed nor dismissed.", [[{}, backlog.deadLetters]]),
    family("jobyard_ledger_bytes", "Size of the database.", [[{}, ledger?.bytes ?? null]]),
    family("jobyard_ledger_max_bytes", "Size that the database may have.", [[{}, ledger?.maxBytes ?? null]]),
    family("jobyard_jobs_parked", "Jobs parked at gates.", [[{}, backlog.parked]]),
    family("jobyard_jobs_due", "Jobs held back until a time that has come or will come.", [[{}, backlog.due]]),
  ];
}

function ofQueues({ queues }: Metrics): string[] {
  const ofEach = (value: (queue: QueueMetrics) => number | null) => queues.map((each): Sample => [{ queue: each.queue }, value(each)]);
  return [
    family(
      "jobyard_queue_backlog_messages",
      "Messages waiting in a queue.",
      ofEach(({ backlog }) => backlog),
    ),
    family(
      "jobyard_queue_backlog_bytes",
      "Bytes waiting in a queue.",
      ofEach(({ bytes }) => bytes),
    ),
    family(
      "jobyard_queue_oldest_timestamp_seconds",
      "When the oldest message of a queue was sent.",
      ofEach(({ oldestAt }) => seconds(oldestAt)),
    ),
  ];
}

function ofTicks({ steps }: Metrics): string[] {
  const outcomes = steps.map(({ step, outcome }): Sample => [{ step, outcome }, outcome === "failed" ? 0 : 1]);
  const durations = steps.map(({ step, ms }): Sample => [{ step }, ms / 1000]);
  const times = steps.map(({ step, at }): Sample => [{ step }, at / 1000]);
  return [
    family("jobyard_tick_step_ok", "Whether a step of the newest tick succeeded.", outcomes),
    family("jobyard_tick_step_seconds", "How long a step of the newest tick took.", durations),
    family("jobyard_tick_step_timestamp_seconds", "When a step of the tick last ran.", times),
  ];
}

/** Empty without samples: such a family is left out. */
function family(name: string, help: string, samples: readonly Sample[]): string {
  const known = samples.filter(([, value]) => value !== null);
  if (known.length === 0) return "";
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...known.map(([labels, value]) => `${name}${labelText(labels)} ${value}`), ""].join("\n");
}

/** The cumulative buckets, the sum and the count of each histogram. */
function histograms(name: string, help: string, kind: DurationKind, all: readonly (readonly [Labels, Histogram])[]): string {
  const known = all.filter(([, { buckets }]) => buckets.some((count) => count > 0));
  if (known.length === 0) return "";
  const lines = known.flatMap(([labels, histogram]) => histogramLines(name, kind, labels, histogram));
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines, ""].join("\n");
}

function histogramLines(name: string, kind: DurationKind, labels: Labels, { buckets, sum }: Histogram): string[] {
  let total = 0;
  const lines = [...durationBounds[kind].map(String), "+Inf"].map((le, index) => {
    total += buckets[index] ?? 0;
    return `${name}_bucket${labelText({ ...labels, le })} ${total}`;
  });
  return [...lines, `${name}_sum${labelText(labels)} ${sum / 1000}`, `${name}_count${labelText(labels)} ${total}`];
}

function summed(counts: readonly MinuteCount[], field: "count" | "ms", divisor = 1): Sample[] {
  const sums = new Map<string, { labels: Labels; sum: number }>();
  for (const { type, event, ...numbers } of counts) {
    const key = JSON.stringify([type, event]);
    const entry = sums.get(key) ?? { labels: { type, event }, sum: 0 };
    sums.set(key, { ...entry, sum: entry.sum + numbers[field] });
  }
  return [...sums.values()].map(({ labels, sum }) => [labels, sum / divisor]);
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function seconds(at: number | null): number | null {
  return at === null ? null : at / 1000;
}
