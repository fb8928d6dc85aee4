import type { JobDetail } from "../answers";
import { duration } from "../parts/format";
import { type StateKind, stateKind } from "../parts/state";

type Entry = JobDetail["timeline"][number];

/** A part of a job's life: a wait or a run. Milliseconds. */
interface LifeSpan {
  lane: "waits" | "runs";
  from: number;
  to: number;
  kind: StateKind;
  title: string;
}

/** The kind of wait after an event, until the next run. */
const afterwards: Readonly<Record<string, string>> = { retry: "retrying", again: "queued", revived: "queued", replayed: "queued" };

/** The job's waits and runs in order, from its acceptance to its end, or to now. */
export function spansOf(job: Pick<JobDetail, "timeline" | "state">, end: number): LifeSpan[] {
  const spans: LifeSpan[] = [];
  let [from, state] = [Date.parse(job.timeline[0]?.at ?? ""), "queued"];
  const add = (lane: LifeSpan["lane"], to: number, kind: StateKind, title: string) => {
    if (to > from) spans.push({ lane, from, to, kind, title: `${title}, ${duration(to - from)}` });
    from = Math.max(from, to);
  };
  for (const entry of job.timeline) {
    if (entry.event === "checkpoint") continue;
    const [at, until] = [Date.parse(entry.at), Date.parse(entry.lastAt)];
    const startedAt = entry.ms === null ? at : entry.times > 1 ? at : at - entry.ms;
    if (state !== "running") add("waits", startedAt, stateKind(state), state);
    else add("runs", startedAt, "rest", "run");
    if (entry.ms !== null) add("runs", until, runKind(entry), `run: ${entry.event}`);
    state = afterwards[entry.event] ?? entry.event;
  }
  if (state === "running") add("runs", end, "moving", "run");
  else if (job.state !== "running" && end > from) add("waits", end, stateKind(state), state);
  return spans;
}

function runKind({ event }: Entry): StateKind {
  if (event === "again") return "moving";
  return stateKind(afterwards[event] ?? event);
}

const [left, width, lane, height] = [64, 600, 18, 78];

/** Draws waits, runs and effects on one time axis. */
export function Waterfall({ job, now }: { job: JobDetail; now: number }) {
  const start = Date.parse(job.timeline[0]?.at ?? "");
  const end = Math.max(start + 1, job.endedAt === null ? now : Date.parse(job.endedAt));
  const x = (at: number) => left + Math.min(1, Math.max(0, (at - start) / (end - start))) * (width - left);
  const effects = job.effects.filter(({ state }) => state !== "failed");
  return (
    <svg
      class="life"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`${duration(end - start)} of waits, ${job.runs} runs and ${effects.length} effects`}
    >
      {["waits", "runs", "effects"].map((name, index) => (
        <>
          <text x="0" y={index * lane + 12}>
            {name}
          </text>
          <line x1={left} x2={width} y1={index * lane + 8.5} y2={index * lane + 8.5} />
        </>
      ))}
      {spansOf(job, end).map((span, index) => (
        <rect
          key={index}
          class={span.kind}
          x={Math.min(x(span.from), width - 2)}
          y={span.lane === "waits" ? 3 : lane + 3}
          width={Math.max(2, x(span.to) - x(span.from))}
          height="11"
        >
          <title>{span.title}</title>
        </rect>
      ))}
      {effects.map(({ key, revision, at, state }) => (
        <circle key={`${key}-${revision}`} class={stateKind(state)} cx={Math.min(x(Date.parse(at)), width - 5)} cy={2 * lane + 8.5} r="4">
          <title>
            {key}: {state}
          </title>
        </circle>
      ))}
      <text x={left} y={height - 6}>
        0
      </text>
      <text x={width} y={height - 6} text-anchor="end">
        {duration(end - start)}
      </text>
    </svg>
  );
}
