import { resumeOf } from "../../domain/report/why";
import type { Pauses } from "../answers";
import type { Visit } from "../page";
import { domId } from "../parts/format";
import { Remedies } from "../parts/remedies";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { byOf } from "./by";

/** The pauses, with their start, actor and reason. */
export function PauseTable({ visit, pauses }: { visit: Visit; pauses: Pauses["pauses"] }) {
  return (
    <Table label="Pauses" columns={["What", "-For", "-Since", "-By", "Why", ""]}>
      {pauses.map(({ scope, name, tenant, since, actor, actorName, reason }) => (
        <tr key={`${tenant} ${scope} ${name}`} id={domId("pause", tenant, scope, name)}>
          <td>
            <State is="paused" word={`${scope} ${name}`} />
          </td>
          <td class="wide">{tenant === "*" ? "all tenants" : tenant}</td>
          <td class="wide">
            <Time at={since} />
          </td>
          <td class="wide">{byOf({ actor, actorName })}</td>
          <td class="words">{reason ?? <span class="dim">no reason given</span>}</td>
          <td class="actions">
            <Remedies visit={visit} remedies={[resumeOf({ scope, name })]} tenant={tenant} place="pauses" />
          </td>
        </tr>
      ))}
    </Table>
  );
}
