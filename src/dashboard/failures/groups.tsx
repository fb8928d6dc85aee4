import type { Groups } from "../answers";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";

/** Jobs that failed for good, by what they failed of. */
export function GroupTable({ visit, groups }: { visit: Visit; groups: Groups["groups"] }) {
  return (
    <Table label="What failed" columns={["#Jobs", "Type", "Why", "-First", "Last"]}>
      {groups.map(({ group, type, reason, count, firstAt, lastAt }) => (
        <tr key={group} id={domId("group", group)}>
          <td class="num">{number(count)}</td>
          <td>
            <a href={`${visit.base}/failures/${encodeURIComponent(group)}`}>{type}</a>
          </td>
          <td class="text" title={reason}>
            <Sentence text={reason} />
          </td>
          <td class="wide">
            <Time at={firstAt} />
          </td>
          <td>
            <Time at={lastAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
