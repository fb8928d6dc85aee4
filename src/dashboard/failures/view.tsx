import { plural } from "../../decimal";
import { bulkAddress } from "../bulk/selection";
import { Alongside } from "../bulk/plan";
import { BulkTable } from "../bulk/view";
import { page, type Visit } from "../page";
import { ReplayTable } from "../replays/table";
import { Act } from "../parts/act";
import { Fact } from "../parts/fact";
import { number } from "../parts/format";
import { Spark } from "../parts/spark";
import { State } from "../parts/state";
import { Empty, Older, Section } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { failureActions } from "./actions";
import { GroupTable, shownTitle } from "./groups";
import { isAllInDoubt, Letters } from "./letters";
import { failuresAddress, type FailuresModel, type GroupModel, queryFailures, queryGroup } from "./query";
import { Field } from "../parts/field";

export const failuresPage = page<FailuresModel>({
  path: "/failures",
  section: "Failures",
  tenants: "any",
  title: () => "Failures",
  query: queryFailures,
  view: (model, visit) => (
    <>
      <div class="head">
        <h1>Failures</h1>
        <Filters visit={visit} model={model} />
      </div>
      {model.failures.length > 0 ? <GroupTable visit={visit} groups={model.failures} /> : <Nothing visit={visit} model={model} />}
      {model.cursor === null ? null : (
        <p class="pager">
          <a rel="next" href={failuresAddress(visit.base, { ...model, cursor: model.cursor })}>
            Older
          </a>
        </p>
      )}
      {model.replays.length > 0 ? (
        <Section title="Newest replays" aside={<a href={`${visit.base}/replays`}>All replays</a>}>
          <ReplayTable visit={visit} replays={model.replays} />
        </Section>
      ) : null}
      <BulkTable visit={visit} actions={model.bulk} />
    </>
  ),
});

function Filters({ visit, model: { deploy, isAll, sinceDeploy } }: { visit: Visit; model: FailuresModel }) {
  return (
    <span>
      {deploy === null ? null : (
        <a
          class="button quiet"
          href={failuresAddress(visit.base, { isAll, sinceDeploy: !sinceDeploy })}
          title={`${deploy.version} ${deploy.tag}`}
          {...(sinceDeploy ? { "aria-current": "true" } : {})}
        >
          Since the deploy <Time at={deploy.at} />
        </a>
      )}{" "}
      <a class="button quiet" href={failuresAddress(visit.base, { isAll: !isAll, sinceDeploy })}>
        {isAll ? "Open groups only" : "Resolved and ignored groups too"}
      </a>
    </span>
  );
}

/** The text of an empty list: only when no group was left out does it state that nothing fails. */
function Nothing({ visit, model: { isAll, sinceDeploy, hasOthers } }: { visit: Visit; model: FailuresModel }) {
  if (!hasOthers) return <Empty>Nothing fails. Retrying and dead jobs appear here, grouped by cause, until their group is resolved.</Empty>;
  const leftOut = [isAll ? "" : "are resolved or ignored", sinceDeploy ? "have not failed since the deploy" : ""].filter(Boolean).join(" or ");
  return (
    <Empty>
      No group matches. Groups that {leftOut} are left out: <a href={failuresAddress(visit.base, { isAll: true, sinceDeploy: false })}>show all</a>.
    </Empty>
  );
}

export const groupPage = page<GroupModel>({
  path: "/failures/:group",
  section: "Failures",
  tenants: "one",
  title: ({ group }) => `${group.type}: ${shownTitle(group.title)}`,
  query: queryGroup,
  view: ({ group, letters, cursor }, visit) => (
    <>
      <div class="head">
        <h1>
          {group.type} <State is={group.status === "open" ? "failing" : group.status} word={group.status} />
        </h1>
        <Acts visit={visit} group={group} />
      </div>
      <p class="why broken">
        <Sentence text={group.reason ?? shownTitle(group.title)} />
      </p>
      {group.dead > 0 ? <Alongside visit={visit} running={underWay(group)} /> : null}
      <GroupFacts visit={visit} group={group} />
      {group.replays.length > 0 ? (
        <Section title="Replays tried">
          <ReplayTable visit={visit} replays={group.replays} />
        </Section>
      ) : null}
      {letters.length > 0 ? <Letters visit={visit} letters={letters} group={group} /> : <Empty>No job of this group is dead now.</Empty>}
      <Older cursor={cursor} />
    </>
  ),
});

/** Replays of the group that still send. */
function underWay({ replays }: GroupModel["group"]): string[] {
  return replays.filter(({ state, unsent }) => state === "running" && unsent > 0).map(({ id }) => id);
}

function Acts({ visit, group }: { visit: Visit; group: GroupModel["group"] }) {
  if (!visit.may("operate")) return null;
  const fields = { group: group.group };
  return (
    <span class="remedies">
      {group.retrying > 0 ? (
        <a class="button" href={bulkAddress(visit.base, "run-now", fields)}>
          Run {number(group.retrying)} now…
        </a>
      ) : null}
      {group.dead > 0 ? (
        <>
          {isAllInDoubt(group) ? null : (
            <a class="button" href={bulkAddress(visit.base, "replay", fields)}>
              Replay {number(group.dead)}…
            </a>
          )}
          <a class="button" href={bulkAddress(visit.base, "dismiss", fields)}>
            Dismiss {number(group.dead)}…
          </a>
        </>
      ) : null}
      {group.status === "open" ? (
        <>
          <Act visit={visit} action={failureActions.resolve} fields={fields}>
            <p>The report leaves the group out. It opens again when another job fails this way.</p>
            <Note />
          </Act>
          <Act visit={visit} action={failureActions.ignore} fields={fields}>
            <p>The report and the alerts leave the group out. It opens again after the number of failed tries that you enter.</p>
            <Field label="Failed tries until it opens again (blank: never)" name="untilCount" type="number" min={1} max={1_000_000} inputMode="numeric" />
            <Note />
          </Act>
        </>
      ) : (
        <Act visit={visit} action={failureActions.reopen} fields={fields} />
      )}
    </span>
  );
}

function Note() {
  return <Field label="Note (shown with the group)" name="note" maxLength={500} autocomplete="off" />;
}

function GroupFacts({ visit, group }: { visit: Visit; group: GroupModel["group"] }) {
  return (
    <>
      <dl class="facts">
        <Fact name="Failing now" value={`${number(group.retrying)} retrying, ${plural(group.dead, "dead letter")}`} />
        <Fact name="First ever" value={<Time at={group.firstAt} />} />
        <Fact name="Last" value={<Time at={group.lastAt} />} />
        <Fact name="Ever" value={`${number(group.total)} failed tries`} />
        <Fact name="24 hours" value={<Spark values={group.trend} label="Failures in each of the last 24 hours" />} />
        {group.isNew ? <Fact name="New" value="since the last deploy" /> : null}
        {group.sites.length === 0 ? null : <Fact name="Sites" value={group.sites.map(({ siteId, count }) => `${siteId} (${number(count)})`).join(", ")} />}
      </dl>
      {group.statusAt === null ? null : (
        <p class="dim">
          {group.status} by {group.actorName ?? group.actor ?? "unknown"} <Time at={group.statusAt} />
          {group.untilCount === null ? "" : `, until ${number(group.untilCount)} more (${number(group.sinceCount)} so far)`}
          {group.note === null ? "" : `: ${group.note}`}
        </p>
      )}
      {group.retrying === 0 ? null : (
        <p>
          <Retrying visit={visit} group={group} />
        </p>
      )}
    </>
  );
}

/** Link to the group's jobs: the list searches for the longest text that the group's reasons share. */
function Retrying({ visit, group: { type, title } }: { visit: Visit; group: GroupModel["group"] }) {
  const [shared = ""] = title.split(/[#…"\d]+/).toSorted((left, right) => right.length - left.length);
  const q = shared.trim();
  const isTelling = q.length >= minShared;
  const query = new URLSearchParams({ ...(isTelling ? { q: `"${q}"` } : {}), type, state: "retrying" });
  return <a href={`${visit.base}/jobs?${query}`}>{isTelling ? "Its retrying jobs" : `All retrying ${type} jobs`}</a>;
}

const minShared = 8;
