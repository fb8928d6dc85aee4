import { plural } from "../../decimal";
import type { JobDetail } from "../answers";
import { bulkAddress, verbText } from "../bulk/selection";
import { searchAddress } from "../jobs/search";
import type { Visit } from "../page";
import { Fact } from "../parts/fact";
import { number, tailOf } from "../parts/format";
import { State } from "../parts/state";
import { Section } from "../parts/table";

/** The job that enqueued it, the jobs that it enqueued, and the replays that sent it again. */
export function Relatives({ visit, job }: { visit: Visit; job: JobDetail }) {
  if (job.type === null) return null;
  return (
    <Section title="Relatives">
      <dl class="facts">
        <Fact name="Parent" value={<Parent visit={visit} job={job} />} />
        <Fact name="Children" value={<Children visit={visit} job={job} />} />
        {job.replays.length === 0 ? null : <Fact name="Replays" value={<ReplayLinks visit={visit} ids={job.replays} />} />}
      </dl>
    </Section>
  );
}

export function ReplayLinks({ visit, ids }: { visit: Visit; ids: readonly string[] }) {
  return (
    <>
      {ids.map((id, index) => [
        index === 0 ? "" : ", ",
        <a key={id} href={`${visit.base}/replays/${encodeURIComponent(id)}`}>
          replay {tailOf(id)}
        </a>,
      ])}
    </>
  );
}

/** The origin of a job without a parent, by its type. */
const origins: Readonly<Record<string, string>> = {
  event: "none is recorded: a caller sent the event, or the tick published what a shop's sync had noted, and does not name the sync",
};

function Parent({ visit, job: { parent, parentJob, type } }: { visit: Visit; job: JobDetail }) {
  if (parent === null) return <span class="dim">{origins[type ?? ""] ?? "no job enqueued it: a caller, a schedule or the tick did"}</span>;
  const link = <a href={`${visit.base}/jobs/${encodeURIComponent(parent)}`}>{parentJob?.type ?? tailOf(parent)}</a>;
  return (
    <>
      {link} {parentJob ? <State is={parentJob.state} /> : <span class="dim">no longer kept</span>}
    </>
  );
}

/** What jobs of a type cause besides their children. */
const withoutChildren: Readonly<Record<string, string>> = {
  campaign: "its mails are sent by its pages and are no jobs",
  "campaign-page": "its mails are sent by the page itself and are no jobs; the campaign counts them",
  ...Object.fromEntries(
    ["sync-orders", "sync-orders-part", "sync-products", "sync-single-order"].map((type) => [
      type,
      "the events of what it stored are published by the tick and name their site, not this job",
    ]),
  ),
};

function Children({ visit, job: { id, type, children } }: { visit: Visit; job: JobDetail }) {
  const elsewhere = withoutChildren[type ?? ""];
  const note = elsewhere === undefined ? null : <span class="dim">{elsewhere}</span>;
  if (children.total === 0) return note === null ? <span class="dim">none</span> : <>none; {note}</>;
  // The list of queued jobs includes scheduled ones.
  const lists = (state: string) => state !== "queued" || children.byState["scheduled"] === undefined;
  const address = (state?: string) => searchAddress(visit.base, { parent: id }, { state });
  return (
    <>
      <a href={address()}>{children.more ? `${number(children.total)} jobs and perhaps more` : plural(children.total, "job")}</a>:{" "}
      {Object.entries(children.byState).map(([state, count]) => (
        <span key={state}>
          <ChildCount address={lists(state) ? address(state) : undefined} state={state} count={count ?? 0} />{" "}
        </span>
      ))}
      {note}
      {children.byState.dead || children.byState.discarded ? <ActsOnDead visit={visit} parent={id} /> : null}
    </>
  );
}

/** The actions on the children that failed for good, each by its plan. */
function ActsOnDead({ visit, parent }: { visit: Visit; parent: string }) {
  if (!visit.may("operate")) return null;
  return (
    <>
      {(["replay", "dismiss"] as const).map((verb) => (
        <a key={verb} class="button" href={bulkAddress(visit.base, verb, { parent })}>
          {verbText(verb, "the failed ones")}…
        </a>
      ))}
    </>
  );
}

function ChildCount({ address, state, count }: { address: string | undefined; state: string; count: number }) {
  const counted = <State is={state} word={`${number(count)} ${state}`} />;
  return address === undefined ? counted : <a href={address}>{counted}</a>;
}
