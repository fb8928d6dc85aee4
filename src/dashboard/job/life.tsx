import type { JobDetail } from "../answers";
import type { Visit } from "../page";
import { duration, number } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section } from "../parts/table";
import { Clock, Sentence, Time } from "../parts/time";
import { ReplayLinks } from "./relatives";
import { Waterfall } from "./waterfall";

type Entry = JobDetail["timeline"][number];

/** The job's waits, runs and effects on one time axis, then its timeline as a list, with repeated entries folded. */
export function Life({ visit, job }: { visit: Visit; job: JobDetail }) {
  if (job.timeline.length === 0) return <Empty>Nothing is recorded of it yet.</Empty>;
  return (
    <Section title="Life">
      <Waterfall job={job} now={visit.now} />
      <table class="words" aria-label="Life">
        <thead class="unseen">
          <tr>
            <th scope="col">Event</th>
            <th scope="col">When</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {job.timeline.map((entry, index) => (
            <tr key={index} id={`event-${index}`}>
              <td>
                <State is={entry.event} word={wordOf(entry)} />
              </td>
              <td>
                <When entry={entry} />
              </td>
              <td class="words">
                <Detail visit={visit} entry={entry} />{" "}
                {entry.ms === null ? null : <span class="dim">{entry.times === 1 ? `ran ${duration(entry.ms)}` : `ran ${duration(entry.ms)} in all`}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** The detail of an entry; a replay's is a link. */
function Detail({ visit, entry: { event, detail } }: { visit: Visit; entry: Entry }) {
  if (detail === null) return null;
  return event === "replayed" ? <ReplayLinks visit={visit} ids={[detail]} /> : <Sentence text={detail} />;
}

/** The text of a folded entry, in the past tense. */
const repeated: Readonly<Record<string, string>> = { waiting: "waited", again: "went on again", retry: "failed", checkpoint: "saved" };

function wordOf({ event, times }: Entry): string {
  if (event === "checkpoint" && times === 1) return "saved once";
  return times > 1 ? `${repeated[event] ?? event} ${number(times)}×` : event;
}

function When({ entry: { at, lastAt, times } }: { entry: Entry }) {
  if (times === 1 || at === lastAt) return <Time at={at} />;
  return (
    <>
      <Clock at={at} />–<Clock at={lastAt} />
    </>
  );
}
