import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { number, plural } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { failureActions } from "./actions";
import { GroupTable } from "./groups";
import { type FailuresModel, type GroupModel, queryFailures, queryGroup } from "./query";
import { PlanOf, ReplayTable } from "./replays";

export const failuresPage = page<FailuresModel>({
  path: "/failures",
  section: "Failures",
  tenants: "one",
  title: () => "Failures",
  query: queryFailures,
  view: ({ groups, replays }, visit) => (
    <>
      <h1>Failures</h1>
      {groups.length > 0 ? (
        <GroupTable visit={visit} groups={groups} />
      ) : (
        <Empty>No job has failed for good. One that does stays here until it is replayed or dismissed.</Empty>
      )}
      {replays.length > 0 ? (
        <Section title="Replays">
          <ReplayTable visit={visit} replays={replays} />
        </Section>
      ) : null}
    </>
  ),
});

export const groupPage = page<GroupModel>({
  path: "/failures/:group",
  section: "Failures",
  tenants: "one",
  title: ({ group }) => `${plural(group.count, `${group.type} job`)} failed`,
  query: queryGroup,
  view: ({ group, letters, cursor, plan }, visit) => (
    <>
      <div class="head">
        <h1>{plural(group.count, `${group.type} job`)} failed alike</h1>
        {plan === null ? null : (
          <Act visit={visit} action={failureActions.replay} label={`Replay ${number(plan.total)}`} fields={{ group: group.group }} id="group">
            <PlanOf plan={plan} />
            <label>
              Jobs that go first
              <input name="canary" type="number" min={0} max={500} value={5} inputMode="numeric" />
            </label>
            <label>
              Jobs a minute (blank: as fast as they can)
              <input name="ratePerMinute" type="number" min={1} max={100_000} inputMode="numeric" />
            </label>
          </Act>
        )}
      </div>
      <p class="why broken">
        <Sentence text={group.reason} />
      </p>
      <p class="dim">
        first <Time at={group.firstAt} />, last <Time at={group.lastAt} />
      </p>
      <Letters visit={visit} letters={letters} />
      {cursor === null ? null : (
        <p class="pager">
          <a rel="next" href={`?cursor=${encodeURIComponent(cursor)}`}>
            Older
          </a>
        </p>
      )}
    </>
  ),
});

function Letters({ visit, letters }: { visit: Visit; letters: GroupModel["letters"] }) {
  return (
    <Table label="Jobs" columns={["State", "Job", "-Site", "Why", "#-Attempt", "Died", ""]} stream>
      {letters.map(({ id, state, siteId, reason, attempt, diedAt }) => (
        <tr key={id} id={`letter-${id}`}>
          <td>
            <State is={state} />
          </td>
          <td>
            <a class="mono" href={`${visit.base}/jobs/${id}`}>
              …{id.slice(-8)}
            </a>
          </td>
          <td class="wide">{siteId}</td>
          <td class="text" title={reason}>
            <Sentence text={reason} />
          </td>
          <td class="num wide">{attempt}</td>
          <td>
            <Time at={diedAt} />
          </td>
          <td class="actions">
            <Act visit={visit} action={failureActions.dismiss} fields={{ id }}>
              <p>It is taken off this list and not replayed with the others.</p>
            </Act>
          </td>
        </tr>
      ))}
    </Table>
  );
}
