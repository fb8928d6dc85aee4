import type { JobDetail } from "../answers";
import { queueAddress } from "../flow/queues";
import { shownState } from "../jobs/table";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { duration, smallUsd } from "../parts/format";
import { Json } from "../parts/json";
import { ProgressBar, progressRate } from "../parts/progress";
import { Remedies } from "../parts/remedies";
import { stateKind, State } from "../parts/state";
import { Section } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { jobActions } from "./actions";
import { Effects } from "./effects";
import { Life } from "./life";
import { queryJob } from "./query";
import { Relatives } from "./relatives";

export const jobPage = page<JobDetail>({
  path: "/jobs/:id",
  section: "Jobs",
  tenants: "one",
  takesForm: true,
  title: (job) => `${job.type ?? "Job"}: ${job.state}`,
  query: queryJob,
  // Each reveal is audited, so a revealed page does not refresh.
  pace: (job) => (job.revealed || job.endedAt !== null ? (job.revealed ? "never" : "calm") : "quick"),
  view: (job, visit) => (
    <>
      <Headline visit={visit} job={job} />
      <Why visit={visit} job={job} />
      {job.progress.done > 0 ? (
        <p>
          <ProgressBar progress={job.progress} ratePerSecond={job.endedAt === null ? progressRate(job, visit.now) : undefined} />
        </p>
      ) : null}
      <div class="two">
        <div>
          <Life visit={visit} job={job} />
          <Effects visit={visit} job={job} />
        </div>
        <div>
          <Facts visit={visit} job={job} />
          <Relatives visit={visit} job={job} />
        </div>
      </div>
      <Contents visit={visit} job={job} />
    </>
  ),
});

function Headline({ visit, job }: { visit: Visit; job: JobDetail }) {
  const state = shownState(job, visit.now);
  const fields = { id: job.id };
  const isOpen = job.endedAt === null && job.type !== null;
  return (
    <div class="head">
      <h1>
        {job.type ?? "A job that is not recorded yet"} {job.siteId === null ? null : <span class="dim">{job.siteId}</span>} <State is={state} />{" "}
        {job.dryRun ? <span class="dim">dry run</span> : null}
      </h1>
      <span class="remedies">
        {job.state === "cancelled" ? <Act visit={visit} action={jobActions.retry} fields={fields} /> : null}
        {isOpen && !job.cancelling ? (
          <Act visit={visit} action={jobActions.cancel} fields={fields}>
            <p>The job ends{job.state === "running" ? " within seconds; what it has done outside stays done" : " without running again"}.</p>
          </Act>
        ) : null}
      </span>
    </div>
  );
}

/** Why the job does not run, or why it failed, with its remedies. Comes first on the page. */
function Why({ visit, job }: { visit: Visit; job: JobDetail }) {
  if (job.cancelling) return <p class="why">The job is being cancelled.</p>;
  if (!job.why) return null;
  return (
    <div class={`why ${stateKind(shownState(job, visit.now))}`} {...(job.state === "dead" || job.state === "discarded" ? { role: "alert" } : {})}>
      <Sentence text={job.why.sentence} />
      {job.why.until && !/\dZ/.test(job.why.sentence) ? (
        <span class="dim">
          {" "}
          The job goes on <Time at={job.why.until} />.
        </span>
      ) : null}
      {job.providerMessage ? <p class="mono">{job.providerMessage}</p> : null}
      <div class="remedies">
        <Remedies visit={visit} remedies={job.why.actions} />
        {visit.isRoot && job.why.code === "paused" && job.why.actions.length === 0 && job.queue !== null ? (
          <a class="button" href={queueAddress(visit, job.queue)}>
            Its queue and pauses
          </a>
        ) : null}
      </div>
    </div>
  );
}

function Facts({ visit, job }: { visit: Visit; job: JobDetail }) {
  const link = (path: string, text: string) => <a href={visit.base + path}>{text}</a>;
  const campaign = campaignIn(job);
  const facts: readonly (readonly [string, unknown])[] = [
    ["Id", <IdOf id={job.id} />],
    ["Queue", job.queue === null ? null : <a href={queueAddress(visit, job.queue)}>{job.queue}</a>],
    ["Site", job.siteId === null ? null : link(`/sites/${encodeURIComponent(job.siteId)}`, job.siteId)],
    ["Attempt", job.maxAttempts === null ? null : `${job.attempt} of ${job.maxAttempts}; ran ${job.runs}×`],
    ["Accepted", <Time at={job.at} />],
    ["Started", job.startedAt === null ? null : <Time at={job.startedAt} />],
    ["Ended", job.endedAt === null ? null : <Time at={job.endedAt} />],
    ["Waited", job.at === null || job.startedAt === null ? null : duration(Date.parse(job.startedAt) - Date.parse(job.at))],
    ["Goes on", job.endedAt === null && job.runAt !== null ? <Time at={job.runAt} /> : null],
    ["Template", job.templateVersion === undefined ? null : job.templateVersion === null ? "there is none of that name" : `version ${job.templateVersion}`],
    ["Cost so far", job.usd === undefined ? null : `about ${smallUsd(job.usd)} on Cloudflare's bill`],
    ["Entities", job.entities.length === 0 ? null : job.entities.map((key) => <span key={key}>{link(`/jobs?q=${encodeURIComponent(key)}`, key)} </span>)],
    ["Campaign", campaign === undefined ? null : link(`/campaigns/${encodeURIComponent(campaign)}`, "its counts and reasons")],
    ["Failed alike", job.failure === null ? null : link(`/failures/${encodeURIComponent(job.failure)}`, "the others of its group")],
    ["Others", job.type === null ? null : link(`/jobs?type=${encodeURIComponent(job.type)}`, `all ${job.type} jobs`)],
  ];
  return (
    <Section title="Facts">
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null)
          .map(([name, value]) => (
            <>
              <dt key={name}>{name}</dt>
              <dd>{value as never}</dd>
            </>
          ))}
      </dl>
    </Section>
  );
}

/** The campaign that the job is of. */
function campaignIn({ type, payload }: JobDetail): string | undefined {
  const isOfOne = (type === "campaign" || type === "campaign-page") && typeof payload === "object" && payload !== null && "campaign" in payload;
  return isOfOne && typeof payload.campaign === "string" ? payload.campaign : undefined;
}

function IdOf({ id }: { id: string }) {
  return (
    <>
      <code id="job-id">{id}</code>{" "}
      <button type="button" class="quiet" data-copy="job-id">
        Copy
      </button>
    </>
  );
}

function Contents({ visit, job }: { visit: Visit; job: JobDetail }) {
  if (job.type === null) return null;
  const canReveal = visit.may("admin") && !job.revealed;
  const reveal = canReveal ? (
    <form method="post" action={visit.url.pathname} data-plain>
      <button title="The audit records that you revealed them">Reveal personal fields</button>
    </form>
  ) : undefined;
  return (
    <>
      <Section title="Payload" aside={reveal}>
        {job.revealed ? <p class="dim">Personal fields are shown; that you looked is recorded. This page does not refresh itself.</p> : null}
        <Json id="payload" value={job.payload} />
      </Section>
      {job.result === undefined ? null : (
        <Section title="Result">
          <Json id="result" value={job.result} />
        </Section>
      )}
      <Section title="By the API">
        <pre>{`curl ${visit.url.origin}/v1/jobs/${job.id} -H "Authorization: Bearer $TOKEN"${visit.isRoot ? ` -H "Jobyard-Tenant: ${visit.tenant}"` : ""}`}</pre>
      </Section>
    </>
  );
}
