import type { Replay } from "../answers";
import { byOf } from "../flow/by";
import { page } from "../page";
import { Fact } from "../parts/fact";
import { number, plural } from "../parts/format";
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
      <p>
        <ProgressBar progress={{ done: replay.sent - replay.open, total: replay.total, note: replayOutcome(replay) }} noun="have ended" />
      </p>
      <dl class="facts">
        <Fact name="Replays" value={<What replay={replay} />} />
        <Fact name="Ended well" value={number(replay.succeeded)} />
        <Fact name="Failed again" value={number(replay.failedAgain)} />
        <Fact name="Still open" value={number(replay.open)} />
        <Fact name="Not sent yet" value={number(Math.max(0, replay.total - replay.sent - replay.failed))} />
        <Fact name="Could not be sent" value={number(replay.failed)} />
        <Fact name="Went first" value={number(replay.canary)} />
        <Fact name="Rate" value={replayRate(replay)} />
        <Fact name="Begun by" value={byOf(replay)} />
      </dl>
      <p class="dim">
        Begun <Time at={replay.at} />
        {replay.endedAt === null ? null : (
          <>
            , ended <Time at={replay.endedAt} />
          </>
        )}
      </p>
      {replay.examples.length === 0 ? null : (
        <Section title="Failed again">
          <ul class="choice mono">
            {replay.examples.map((id) => (
              <li key={id}>
                <a href={`${visit.base}/jobs/${id}`}>{id}</a>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  ),
});

/** How those that have ended did: how many there are says nothing of it. */
function replayOutcome({ succeeded, failedAgain, cancelled }: Replay): string {
  const parts = [
    `${number(succeeded)} ended well`,
    failedAgain > 0 ? `${number(failedAgain)} failed again` : "",
    cancelled > 0 ? `${number(cancelled)} cancelled` : "",
  ];
  return parts.filter(Boolean).join(", ");
}
