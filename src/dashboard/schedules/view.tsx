import type { Schedule } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { domId, duration, utc } from "../parts/format";
import { stateKind, signOf, State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { WhyRow } from "../parts/why-row";
import { scheduleActions } from "./actions";

interface Model {
  schedules: Schedule[];
}

export const schedulesPage = page<Model>({
  path: "/schedules",
  section: "Schedules",
  tenants: "one",
  title: () => "Schedules",
  query: ({ api }) => api.get<Model>("/v1/schedules"),
  view: ({ schedules }, visit) => (
    <>
      <h1>Schedules</h1>
      <ScheduleTable visit={visit} schedules={schedules} />
    </>
  ),
});

/** The schedules, and the reason below each whose next job would wait. */
function ScheduleTable({ visit, schedules }: { visit: Visit; schedules: readonly Schedule[] }) {
  const columns = scheduleColumns(visit);
  return (
    <Table
      label="Schedules"
      rows={schedules}
      id={({ name }) => domId("schedule", name)}
      columns={columns}
      empty={["There is no schedule. ", <code>PUT /v1/schedules/NAME</code>, " makes one: its type of job, its payload, a cron pattern and a time zone."]}
      below={({ name, why }) => (why ? <WhyRow visit={visit} id={`${domId("schedule", name)}--why`} columns={columns.length} why={why} /> : null)}
    />
  );
}

function scheduleColumns(visit: Visit): Column<Schedule>[] {
  return [
    ["Name", ({ name, enabled }) => [name, " ", enabled ? null : <State is="paused" word="off" />], "name"],
    ["-Job", (schedule) => <JobType visit={visit} schedule={schedule} />, "name"],
    ["When", (schedule) => <Pattern schedule={schedule} />, "lines"],
    ["Next", (schedule) => <Next schedule={schedule} />, "lines", ({ nextRuns }) => nextRuns.map(({ local }) => local).join("\n")],
    ["-Past", ({ pastRuns }) => <Past visit={visit} runs={pastRuns} />],
    ["Last", ({ last }) => <Last visit={visit} last={last} />, "words"],
    ["", ({ name, why }) => (why ? <State is="waiting" word="held back" /> : <Act visit={visit} action={scheduleActions.run} fields={{ name }} />)],
  ];
}

function JobType({ visit, schedule: { type, siteId } }: { visit: Visit; schedule: Schedule }) {
  return (
    <>
      <a href={`${visit.base}/jobs?${new URLSearchParams({ type, ...(siteId === null ? {} : { siteId }) })}`}>{type}</a>{" "}
      {siteId === null ? null : <span class="dim">{siteId}</span>}
    </>
  );
}

function Pattern({ schedule: { cron, words, timezone, spreadSeconds } }: { schedule: Schedule }) {
  return (
    <>
      <span title={cron}>{words}</span>
      <br />
      <span class="dim">{timezone}</span>
      {spreadSeconds > 0 ? <span class="dim">, spread over {duration(spreadSeconds * 1000)}</span> : null}
    </>
  );
}

function Next({ schedule: { enabled, nextRuns } }: { schedule: Schedule }) {
  const clocks = nextRuns.slice(0, 3).map(({ local }, index) => clockOf(local, nextRuns[index - 1]?.local));
  return (
    <>
      <Time at={nextRuns[0]?.at} none={enabled ? "never" : "off"} />
      <br />
      <span class="dim">{clocks.join(" · ")}</span>
    </>
  );
}

/** A time in the schedule's time zone, with the date where the day differs from that of the time before. */
function clockOf(local: string, before: string | undefined): string {
  const time = local.slice(11, 16);
  return before?.slice(0, 10) === local.slice(0, 10) ? time : `${local.slice(5, 10)} ${time}`;
}

/** The last planned times, the newest at the right, each a sign that links to its job. */
function Past({ visit, runs }: { visit: Visit; runs: Schedule["pastRuns"] }) {
  return (
    <span class="dots">
      {runs.toReversed().map(({ plannedAt, jobId, state }) =>
        state === null ? (
          <span key={plannedAt} class="state rest" role="img" aria-label={`${utc(plannedAt)}: no job is known`} title={`${utc(plannedAt)}: no job is known`}>
            »
          </span>
        ) : (
          <a
            key={plannedAt}
            class={`state ${stateKind(state)}`}
            href={`${visit.base}/jobs/${jobId}`}
            aria-label={`${utc(plannedAt)}: ${state}`}
            title={`${utc(plannedAt)}: ${state}`}
          >
            {signOf(state)}
          </a>
        ),
      )}
    </span>
  );
}

/** The result of the last planned run, with the reason if it did not run. */
function Last({ visit, last }: { visit: Visit; last: Schedule["last"] }) {
  if (last === null) return <span class="dim">not yet</span>;
  return (
    <>
      <State is={last.outcome} word={last.outcome === "ran" ? "ran" : "did not run"} /> <Time at={last.plannedAt} />{" "}
      {last.jobId === null ? null : <a href={`${visit.base}/jobs/${last.jobId}`}>its job</a>} <Sentence text={last.note} />
    </>
  );
}
