import { plural } from "../../decimal";
import type { Replay } from "../answers";
import { byOf } from "../flow/by";
import { page } from "../page";
import { Fact } from "../parts/fact";
import { number, tailOf } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { State } from "../parts/state";
import { Section } from "../parts/table";
import { Time } from "../parts/time";
import { replayRate, ReplayActs, What } from "./parts";
import { queryReplay } from "./query";

export const replayPage = page<Replay>({
  path: "/replays/:id",
  section: "Replays",
  tenants: "one",
  title: ({ state }) => `Replay: ${state}`,
  query: queryReplay,
  pace: ({ state }) => (state === "running" ? "quick" : "calm"),
  view: (replay, visit) => (
    <>
      <div class="head">
        <h1>
          Replay of {plural(replay.total, "job")} <State is={replay.state} />
        </h1>
        <span class="remedies">
          <ReplayActs visit={visit} replay={replay} />
        </span>
      </div>
      {replay.reason === null ? null : <p class="why broken">{replay.reason}</p>}
      {replay.resumed === null ? null : <Resumed last={replay.resumed} />}
      {replay.state === "running" && replay.open === 0 && replay.unsent > 0 ? <p>It goes on at the next tick, within a minute.</p> : null}
      {replay.state === "stopped" && replay.open > 0 && replay.unsent > 0 ? <p>It can be continued once {openJobs(replay.open)} ended.</p> : null}
      <p>
        <ProgressBar progress={{ done: replay.sent - replay.open + replay.failed, total: replay.total, note: replayOutcome(replay) }} noun="have ended" />
      </p>
      <dl class="facts">
        <Fact name="Replays" value={<What replay={replay} />} />
        <Fact name="Ended well" value={number(replay.succeeded)} />
        <Fact name="Failed again" value={number(replay.failedAgain)} />
        <Fact name="Still open" value={number(replay.open)} />
        <Fact name="Not sent yet" value={number(replay.unsent)} />
        <Fact name={replay.patched.length === 0 ? "No dead letters any more" : "Could not be sent"} value={number(replay.failed)} />
        <Fact name="Went first" value={number(replay.canary)} />
        <Fact name="Rate" value={replayRate(replay)} />
        <Fact name="Begun by" value={byOf(replay)} />
      </dl>
      <p class="dim">
        Begun <Time at={replay.at} />
        {replay.endedAt === null ? null : [`, ${replay.state === "stopped" ? "stopped" : "ended"} `, <Time at={replay.endedAt} />]}
      </p>
      {replay.examples.length === 0 ? null : (
        <Section title="Failed again">
          <ul class="choice mono">
            {replay.examples.map((id) => (
              <li key={id}>
                <a href={`${visit.base}/jobs/${id}`}>{tailOf(id)}</a>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  ),
});

function openJobs(open: number): string {
  return open === 1 ? "the job that it has sent has" : `the ${plural(open, "job")} that it has sent have`;
}

/** The stop before it was resumed. */
function Resumed({ last: { at, reason, stoppedAt, ...by } }: { last: NonNullable<Replay["resumed"]> }) {
  return (
    <p class="dim">
      It had stopped
      {stoppedAt === null ? null : [" ", <Time at={stoppedAt} />]}
      {reason === null ? "" : `: ${reason}`}. Continued <Time at={at} /> by {byOf(by)}.
    </p>
  );
}

/** The outcomes of the jobs that have ended: their number alone does not show them. */
function replayOutcome({ succeeded, failedAgain, cancelled, failed }: Replay): string {
  const parts = [
    `${number(succeeded)} ended well`,
    failedAgain > 0 ? `${number(failedAgain)} failed again` : "",
    cancelled > 0 ? `${number(cancelled)} cancelled` : "",
    failed > 0 ? `${number(failed)} not sent` : "",
  ];
  return parts.filter(Boolean).join(", ");
}
