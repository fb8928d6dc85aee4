import type { JobSummary } from "../answers";
import { tickColumn } from "../bulk/view";
import { jobActions } from "../job/actions";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { tailOf } from "../parts/format";
import { ProgressBar, progressRate } from "../parts/progress";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";

interface JobTableProps {
  visit: Visit;
  jobs: readonly JobSummary[];
  stream?: boolean;
  /** Name of the form for which rows can be ticked. */
  form?: string;
}

/** Jobs, one row each: first the state and its reason. */
export function JobTable({ visit, jobs, stream = false, form }: JobTableProps) {
  return (
    <Table
      label="Jobs"
      class="jobs"
      rows={jobs}
      id={({ id }) => `job-${id}`}
      stream={stream}
      columns={[
        ...tickColumn(visit, form),
        ["State", (job) => <State is={shownState(job, visit.now)} />],
        ["Job", (job) => <JobName visit={visit} job={job} />],
        ["Why", (job) => <Reason job={job} now={visit.now} />, "text", jobReason],
        ["#-Attempt", ({ attempt, maxAttempts }) => (maxAttempts === null ? "" : `${attempt}/${maxAttempts}`)],
        ["When", (job) => <When job={job} />],
        ["-Id", ({ id }) => tailOf(id), "mono dim", ({ id }) => id],
        ["-", (job) => <RowActions visit={visit} job={job} />],
      ]}
    />
  );
}

function JobName({ visit, job: { id, type, siteId, dryRun } }: { visit: Visit; job: JobSummary }) {
  return (
    <>
      <a href={`${visit.base}/jobs/${id}`}>{type ?? "not recorded yet"}</a> {siteId === null ? null : <span class="dim">{siteId}</span>}
      {dryRun ? <span class="dim"> dry run</span> : null}
    </>
  );
}

/** A job that is queued for later reads `scheduled`, one that waits by the plan of its campaign `paced`. */
export function shownState({ state, runAt, why }: Pick<JobSummary, "state" | "runAt" | "why">, now: number): string {
  if (why?.code === "paced") return "paced";
  return state === "queued" && runAt !== null && Date.parse(runAt) > now ? "scheduled" : state;
}

function jobReason({ why, state }: JobSummary): string {
  return state === "running" ? "" : (why?.sentence ?? "");
}

function Reason({ job, now }: { job: JobSummary; now: number }) {
  const isUnderWay = job.progress.done > 0 && job.endedAt === null;
  if (job.cancelling) return <span class="dim">The job is being cancelled.</span>;
  if (isUnderWay && job.state === "running") return <ProgressBar progress={job.progress} ratePerSecond={progressRate(job, now)} />;
  return <Sentence text={jobReason(job)} />;
}

function When({ job }: { job: JobSummary }) {
  if (job.endedAt !== null) return <Time at={job.endedAt} />;
  if (job.state !== "running" && job.runAt !== null) return <Time at={job.runAt} />;
  return <Time at={job.state === "running" ? job.startedAt : job.at} />;
}

/**
 * The remedies of a job that its `why` lists. A job that a pause or a gate holds cannot be run now, and one with an uncertain effect cannot be
 * retried.
 */
function RowActions({ visit, job }: { visit: Visit; job: JobSummary }) {
  const fields = { id: job.id };
  if (job.state === "cancelled" || isOffered(job, "retry")) return <Act visit={visit} action={jobActions.retry} fields={fields} />;
  return isOffered(job, "run-now") ? <Act visit={visit} action={jobActions.runNow} fields={fields} /> : null;
}

/** Whether the reason why a job does not run offers this remedy. */
export function isOffered({ why }: Pick<JobSummary, "why">, verb: "retry" | "run-now"): boolean {
  return why?.actions.some(({ path }) => path.endsWith(`/${verb}`)) ?? false;
}
