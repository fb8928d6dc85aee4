import type { JobSummary } from "../answers";
import { Tick } from "../bulk/view";
import { jobActions } from "../job/actions";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { tailOf } from "../parts/format";
import { ProgressBar, progressRate } from "../parts/progress";
import { State } from "../parts/state";
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
    <div class="scroll" tabIndex={0} role="region" aria-label="Jobs">
      <table class="jobs" aria-label="Jobs">
        <thead>
          <tr>
            {form !== undefined && visit.may("operate") ? <th scope="col">Tick</th> : null}
            <th scope="col">State</th>
            <th scope="col">Job</th>
            <th scope="col">Why</th>
            <th scope="col" class="num wide">
              Attempt
            </th>
            <th scope="col">When</th>
            <th scope="col" class="wide">
              Id
            </th>
            <th scope="col" class="wide">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody {...(stream ? { "data-stream": "" } : {})}>
          {jobs.map((job) => (
            <Row key={job.id} visit={visit} job={job} form={form} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ visit, job, form }: { visit: Visit; job: JobSummary; form: string | undefined }) {
  const status = shownState(job, visit.now);
  return (
    <tr id={`job-${job.id}`}>
      {form === undefined ? null : <Tick visit={visit} id={job.id} form={form} />}
      <td>
        <State is={status} />
      </td>
      <td>
        <a href={`${visit.base}/jobs/${job.id}`}>{job.type ?? "not recorded yet"}</a> {job.siteId === null ? null : <span class="dim">{job.siteId}</span>}
        {job.dryRun ? <span class="dim"> dry run</span> : null}
      </td>
      <td class="text" title={jobReason(job)}>
        <Reason job={job} now={visit.now} />
      </td>
      <td class="num wide">{job.maxAttempts === null ? "" : `${job.attempt}/${job.maxAttempts}`}</td>
      <td>
        <When job={job} />
      </td>
      <td class="wide mono dim" title={job.id}>
        {tailOf(job.id)}
      </td>
      <td class="actions wide">
        <RowActions visit={visit} job={job} state={status} />
      </td>
    </tr>
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
function RowActions({ visit, job, state }: { visit: Visit; job: JobSummary; state: string }) {
  const fields = { id: job.id };
  const helps = (verb: string) => job.why?.actions.some(({ path }) => path.endsWith(`/${verb}`)) ?? false;
  if (state === "cancelled" || helps("retry")) return <Act visit={visit} action={jobActions.retry} fields={fields} />;
  return helps("run-now") ? <Act visit={visit} action={jobActions.runNow} fields={fields} /> : null;
}
