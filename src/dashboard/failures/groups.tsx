import type { Failures } from "../answers";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { Spark } from "../parts/spark";
import { State } from "../parts/state";
import { Table, Tenant } from "../parts/table";
import { Sentence, Time } from "../parts/time";

type Group = Failures["failures"][number];

/** Failing jobs, retrying and dead ones together, by cause. */
export function GroupTable({ visit, groups }: { visit: Visit; groups: readonly Group[] }) {
  return (
    <Table
      label="What fails"
      rows={groups}
      id={({ tenant, group }) => domId("group", tenant, group)}
      columns={[
        ["Status", (group) => [<State is={stateOf(group)} word={group.status} />, " ", group.isNew ? newSign : null]],
        [
          "Type",
          ({ tenant, group, type }) => [<Tenant visit={visit} of={tenant} />, <a href={`/t/${tenant}/failures/${encodeURIComponent(group)}`}>{type}</a>],
        ],
        ["Why", (group) => [<Sentence text={shownTitle(group.title)} />, newestReason(group)], "text", ({ reason, title }) => reason ?? shownTitle(title)],
        ["#Retrying", ({ retrying }) => number(retrying)],
        ["#Dead letters", ({ dead }) => number(dead)],
        ["-24 hours", ({ trend }) => <Spark values={trend} label={`${trend.reduce((sum, count) => sum + count, 0)} failures in 24 hours`} />],
        ["-First", ({ firstAt }) => <Time at={firstAt} />],
        ["-Last", ({ lastAt }) => <Time at={lastAt} />],
      ]}
    />
  );
}

const newSign = (
  <span class="dim" title="New since the deploy">
    new
  </span>
);

function stateOf({ status, dead, retrying }: Group): string {
  if (status !== "open") return status;
  return dead + retrying > 0 ? "failing" : "idle";
}

function newestReason({ title, reason }: Group) {
  return reason === null || reason === title ? null : <span class="dim"> newest: {reason}</span>;
}

/** The cause, with parts that differ from job to job replaced by a sign, numbers too. */
export function shownTitle(title: string): string {
  return title.replaceAll(/#+/g, "…");
}
