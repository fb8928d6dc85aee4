import type { Replay } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { Fact } from "../parts/fact";
import { number, plural } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { failureActions } from "./actions";
import { queryReplay } from "./query";

export function ReplayTable({ visit, replays }: { visit: Visit; replays: readonly Replay[] }) {
  return (
    <Table label="Replays" columns={["State", "Begun", "#Jobs", "#Ended well", "#Failed again", "#-Open"]}>
      {replays.map(({ id, state, at, total, succeeded, failedAgain, open }) => (
        <tr key={id} id={`replay-${id}`}>
          <td>
            <State is={state} />
          </td>
          <td>
            <a href={`${visit.base}/replays/${id}`}>
              <Time at={at} />
            </a>
          </td>
          <td class="num">{number(total)}</td>
          <td class="num">{number(succeeded)}</td>
          <td class="num">{number(failedAgain)}</td>
          <td class="num wide">{number(open)}</td>
        </tr>
      ))}
    </Table>
  );
}

export const replayPage = page<Replay>({
  path: "/replays/:id",
  section: "Failures",
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
        {replay.state === "running" ? (
          <Act visit={visit} action={failureActions.abortReplay} fields={{ id: replay.id }}>
            <p>What has been sent runs on; the others stay dead.</p>
          </Act>
        ) : null}
      </div>
      {replay.reason === null ? null : <p class="why broken">{replay.reason}</p>}
      <p>
        <ProgressBar progress={{ done: replay.sent - replay.open, total: replay.total, note: outcomeOf(replay) }} noun="have ended" />
      </p>
      <dl class="facts">
        <Fact name="Ended well" value={number(replay.succeeded)} />
        <Fact name="Failed again" value={number(replay.failedAgain)} />
        <Fact name="Still open" value={number(replay.open)} />
        <Fact name="Not sent yet" value={number(Math.max(0, replay.total - replay.sent - replay.failed))} />
        <Fact name="Could not be sent" value={number(replay.failed)} />
        <Fact name="Went first" value={number(replay.canary)} />
        <Fact name="Jobs a minute" value={replay.ratePerMinute === null ? "as fast as they can" : number(replay.ratePerMinute)} />
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
function outcomeOf({ succeeded, failedAgain, cancelled }: Replay): string {
  const parts = [
    `${number(succeeded)} ended well`,
    failedAgain > 0 ? `${number(failedAgain)} failed again` : "",
    cancelled > 0 ? `${number(cancelled)} cancelled` : "",
  ];
  return parts.filter(Boolean).join(", ");
}
