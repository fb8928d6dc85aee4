import { type BulkVerb, bulkAddress, bulkVerbs, verbText } from "../bulk/selection";
import { TickedActs } from "../bulk/view";
import { page, type Visit } from "../page";
import { number, tailOf } from "../parts/format";
import { Empty } from "../parts/table";
import { type JobsModel, queryJobs } from "./query";
import { searchAddress, type Search } from "./search";
import { isOffered, JobTable } from "./table";

/** State, name of its tab, and its counter. */
const tabs: readonly [state: string | undefined, label: string, counted?: string][] = [
  [undefined, "All"],
  ["queued", "Queued", "queued"],
  ["running", "Running", "running"],
  ["scheduled", "Scheduled", "scheduled"],
  ["waiting", "Waiting", "waiting"],
  ["retrying", "Retrying", "retrying"],
  ["dead", "Dead", "dead"],
  ["discarded", "Discarded", "discarded"],
  ["done", "Done"],
  ["cancelled", "Cancelled"],
];

const chipNames = ["q", "type", "siteId", "parent", "queue", "from", "to"] as const;

export const jobsPage = page<JobsModel>({
  path: "/jobs",
  section: "Jobs",
  tenants: "one",
  title: () => "Jobs",
  query: queryJobs,
  pace: ({ jobs }) => (jobs.some(({ state }) => state === "running") ? "quick" : "calm"),
  view: (model, visit) => (
    <>
      <h1 class="unseen">Jobs</h1>
      <SearchBox visit={visit} model={model} />
      <Tabs visit={visit} model={model} />
      <Chips base={visit.base} search={model.search} />
      {model.search.parent === undefined ? null : (
        <p>
          Jobs that <a href={`${visit.base}/jobs/${encodeURIComponent(model.search.parent)}`}>this job</a> enqueued.
        </p>
      )}
      {model.jobs.length > 0 ? (
        <>
          <Acts visit={visit} model={model} />
          <JobTable visit={visit} jobs={model.jobs} stream={!visit.url.searchParams.has("cursor")} form="ticked" />
        </>
      ) : (
        <Nothing visit={visit} model={model} />
      )}
      <Pager visit={visit} model={model} />
    </>
  ),
});

function SearchBox({ visit, model: { search, types, sites, issue } }: { visit: Visit; model: JobsModel }) {
  const given = visit.url.searchParams;
  // A refused search is shown as it was typed.
  const kept = issue === undefined ? search : { ...Object.fromEntries(given), q: given.get("q") ?? "" };
  return (
    <form action={`${visit.base}/jobs`} class="search" role="search">
      <label class="unseen" for="q">
        Search jobs
      </label>
      <input
        id="q"
        name="q"
        type="search"
        value={kept.q ?? ""}
        maxLength={500}
        list="words"
        autocomplete="off"
        placeholder={"An id or its end, order:123, words of an error; type:email site:shop-1 from:6h"}
      />
      <datalist id="words">
        {types.map((type) => (
          <option key={type} value={`type:${type}`} />
        ))}
        {sites.map((site) => (
          <option key={site} value={`site:${site}`} />
        ))}
      </datalist>
      {(["type", "state", "siteId", "parent", "queue", "from", "to"] as const).map((name) =>
        kept[name] ? <input key={name} type="hidden" name={name} value={kept[name]} /> : null,
      )}
      <button class="main">Search</button>
    </form>
  );
}

function Tabs({ visit, model: { search, counts } }: { visit: Visit; model: JobsModel }) {
  return (
    <ul class="tabs" aria-label="State">
      {tabs.map(([state, label, counted]) => (
        <li key={label}>
          <a href={searchAddress(visit.base, search, { state })} {...(search.state === state ? { "aria-current": "page" } : {})}>
            {label} {counted && counts[counted] ? <b>{number(counts[counted])}</b> : null}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The filters in use, each with a link that removes it. */
function Chips({ base, search }: { base: string; search: Search }) {
  const on = chipNames.filter((name) => search[name] !== undefined);
  if (on.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {on.map((name) => (
        <li key={name}>
          <a href={searchAddress(base, search, { [name]: undefined })} title="Take this filter off">
            {chipText(name, search[name] ?? "")} <span aria-hidden="true">✕</span>
            <span class="unseen">take off</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function chipText(name: (typeof chipNames)[number], value: string): string {
  if (name === "q") return value;
  return name === "parent" ? `children of ${tailOf(value)}` : `${name === "siteId" ? "site" : name}:${value}`;
}

const open = ["queued", "running"];
const held = ["scheduled", "waiting", "retrying"];
const dead = ["dead", "discarded"];

/** The actions for jobs of a state, or of all states. */
function verbsOf(state: string | undefined): BulkVerb[] {
  if (state === undefined) return [...bulkVerbs];
  if (held.includes(state)) return ["run-now", "cancel"];
  if (open.includes(state)) return ["cancel"];
  return dead.includes(state) ? ["replay", "dismiss"] : [];
}

/** Actions on ticked jobs, and on all that match, further pages included. Each shows its plan first. */
function Acts({ visit, model: { search, jobs, cursor } }: { visit: Visit; model: JobsModel }) {
  const verbs = verbsOf(search.state);
  // Held and paced jobs would wait again. Further pages may have jobs that would not.
  const canRun = jobs.some((job) => isOffered(job, "run-now"));
  const without = (mayRun: boolean) => verbs.filter((verb) => verb !== "run-now" || mayRun);
  const isWhole = cursor === null && !visit.url.searchParams.has("cursor");
  if (!visit.may("operate") || verbs.length === 0) return null;
  const isFiltered = Object.values(search).some((value) => value !== undefined);
  return (
    <div class="acts">
      <TickedActs visit={visit} verbs={without(canRun)} form="ticked" />
      {isFiltered ? (
        <span>
          <span class="dim">All that match:</span>{" "}
          {without(canRun || !isWhole).map((verb) => (
            <a key={verb} class="button" href={bulkAddress(visit.base, verb, { ...search })}>
              {verbText(verb, "all")}…
            </a>
          ))}
        </span>
      ) : null}
    </div>
  );
}

/** The text of an empty page; "none" only when no older job can match. */
function Nothing({ visit, model: { search, cursor, examined, issue, unknown } }: { visit: Visit; model: JobsModel }) {
  if (issue !== undefined || unknown !== undefined)
    return (
      <p role="alert" class="trouble">
        {issue ?? unknown}
      </p>
    );
  if (cursor !== null) return <Empty>Looked at {number(examined ?? 0)} jobs so far; none of them fits.</Empty>;
  const isFiltered = Object.values(search).some((value) => value !== undefined);
  if (isFiltered) return <Empty>{visit.url.searchParams.has("cursor") ? "No further job fits." : "No job fits."}</Empty>;
  return (
    <Empty>
      There is no job yet. One is enqueued by <code>POST {visit.url.origin}/v1/jobs</code>, or by a <a href={`${visit.base}/schedules`}>schedule</a>.
    </Empty>
  );
}

function Pager({ visit, model: { search, cursor, jobs } }: { visit: Visit; model: JobsModel }) {
  return (
    <p class="pager">
      {visit.url.searchParams.has("cursor") ? <a href={searchAddress(visit.base, search)}>Newest</a> : null}
      {cursor === null ? null : (
        <a rel="next" href={searchAddress(visit.base, search, { cursor })}>
          {jobs.length === 0 ? "Look further" : "Older"}
        </a>
      )}
    </p>
  );
}
