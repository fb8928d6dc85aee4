import type { Failures } from "../answers";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { Spark } from "../parts/spark";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";

/** Failing jobs, retrying and dead ones together, by cause. */
export function GroupTable({ visit, groups }: { visit: Visit; groups: Failures["failures"] }) {
  const isAll = visit.tenant === "*";
  return (
    <Table label="What fails" columns={["Status", "Type", "Why", "#Retrying", "#Dead letters", "-24 hours", "-First", "-Last"]}>
      {groups.map(({ group, tenant, type, title, reason, retrying, dead, firstAt, lastAt, status, isNew, trend }) => (
        <tr key={`${tenant} ${group}`} id={domId("group", tenant, group)}>
          <td>
            <State is={status === "open" ? (dead + retrying > 0 ? "failing" : "idle") : status} word={status} />{" "}
            {isNew ? (
              <span class="dim" title="New since the deploy">
                new
              </span>
            ) : null}
          </td>
          <td>
            {isAll ? <span class="dim">{tenant} </span> : null}
            <a href={`/t/${tenant}/failures/${encodeURIComponent(group)}`}>{type}</a>
          </td>
          <td class="text" title={reason ?? shownTitle(title)}>
            <Sentence text={shownTitle(title)} />
            {reason === null || reason === title ? null : <span class="dim"> newest: {reason}</span>}
          </td>
          <td class="num">{number(retrying)}</td>
          <td class="num">{number(dead)}</td>
          <td class="wide">
            <Spark values={trend} label={`${trend.reduce((sum, count) => sum + count, 0)} failures in 24 hours`} />
          </td>
          <td class="wide">
            <Time at={firstAt} />
          </td>
          <td class="wide">
            <Time at={lastAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** The cause, with parts that differ from job to job replaced by a sign, numbers too. */
export function shownTitle(title: string): string {
  return title.replaceAll(/#+/g, "…");
}
