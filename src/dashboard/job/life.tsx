import type { JobDetail } from "../answers";
import { duration } from "../parts/format";
import { kindOf, State } from "../parts/state";
import { Empty, Section } from "../parts/table";
import { Sentence, Time } from "../parts/time";

type Entry = JobDetail["timeline"][number];

/** Entries in a row of the same kind and reason. */
interface Fold extends Entry {
  count: number;
  lastAt: string;
}

/** What happened to the job: on one axis of time, and as a list in which repeats are folded. */
export function Life({ job, now }: { job: JobDetail; now: number }) {
  if (job.timeline.length === 0) return <Empty>Nothing is recorded of it yet.</Empty>;
  return (
    <Section title="Life">
      <Axis entries={job.timeline} end={job.endedAt === null ? now : Date.parse(job.endedAt)} />
      <table class="words" aria-label="Life">
        <thead class="unseen">
          <tr>
            <th scope="col">Event</th>
            <th scope="col">When</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {folded(job.timeline).map((fold, index) => (
            <tr key={index} id={`event-${index}`}>
              <td>
                <State is={fold.event} /> {fold.count > 1 ? <span class="dim">{fold.count}×</span> : null}
              </td>
              <td>
                <Time at={fold.at} /> {fold.count > 1 ? <span class="dim">for {duration(Date.parse(fold.lastAt) - Date.parse(fold.at))}</span> : null}
              </td>
              <td class="words">{fold.detail === null ? null : <Sentence text={fold.detail} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

export function folded(entries: readonly Entry[]): Fold[] {
  const folds: Fold[] = [];
  for (const entry of entries) {
    const last = folds.at(-1);
    if (last && last.event === entry.event && last.detail === entry.detail) Object.assign(last, { count: last.count + 1, lastAt: entry.at });
    else folds.push({ ...entry, count: 1, lastAt: entry.at });
  }
  return folds;
}

const [width, height] = [600, 28];
const bad = ["dead", "discarded", "crashed"];

/** From each event to the next one; what ended badly is a mark at the end. */
function Axis({ entries, end }: { entries: readonly Entry[]; end: number }) {
  const start = Date.parse(entries[0]?.at ?? "");
  const span = Math.max(1, end - start);
  const x = (at: number) => Math.min(width, Math.max(0, ((at - start) / span) * width));
  return (
    <svg class="life" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${duration(span)} from its acceptance to ${entries.at(-1)?.event ?? "now"}`}>
      {entries.map(({ at, event }, index) => {
        const left = x(Date.parse(at));
        const right = x(index + 1 < entries.length ? Date.parse(entries[index + 1]?.at ?? at) : end);
        const isBad = bad.includes(event);
        return (
          <rect
            key={index}
            class={isBad ? "broken" : kindOf(event)}
            x={isBad ? Math.min(left, width - 3) : left}
            y="4"
            height="10"
            width={Math.max(isBad ? 3 : 1, right - left)}
          />
        );
      })}
      <text x="0" y={height - 2}>
        0
      </text>
      <text x={width} y={height - 2} text-anchor="end">
        {duration(span)}
      </text>
    </svg>
  );
}
