import { plural } from "../../decimal";
import type { Replay } from "../answers";
import { byOf } from "../flow/by";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { leftOf, replayRate, ReplayActs, What } from "./parts";

/** Replays, one row each: state, selection and results. `acts`: with the actions for each. */
export function ReplayTable({ visit, replays, acts = false }: { visit: Visit; replays: readonly Replay[]; acts?: boolean }) {
  const columns = ["State", "What", "#Left", "#Ended well", "#Failed again", "-Rate", "-Begun", "-By", ...(acts ? ["-"] : [])];
  return (
    <Table label="Replays" columns={columns}>
      {replays.map((replay) => (
        <Row key={`${replay.tenant} ${replay.id}`} visit={visit} replay={replay} acts={acts} />
      ))}
    </Table>
  );
}

function Row({ visit, replay, acts }: { visit: Visit; replay: Replay; acts: boolean }) {
  const { id, tenant, state, reason, at, total, succeeded, failedAgain } = replay;
  return (
    <tr id={domId("replay", ...(visit.tenant === "*" ? [tenant] : []), id)}>
      <td>
        <State is={state} />
      </td>
      <td class="words">
        {visit.tenant === "*" ? <span class="dim">{tenant} </span> : null}
        <a href={`/t/${tenant}/replays/${id}`}>{plural(total, "job")}</a>: <What replay={replay} /> {reason === null ? null : <span class="dim">{reason}</span>}
      </td>
      <td class="num">{number(leftOf(replay))}</td>
      <td class="num">{number(succeeded)}</td>
      <td class="num">{number(failedAgain)}</td>
      <td class="wide">{replayRate(replay)}</td>
      <td class="wide">
        <Time at={at} />
      </td>
      <td class="wide name">{byOf(replay)}</td>
      {acts ? (
        <td class="actions wide">
          <ReplayActs visit={visit} replay={replay} />
        </td>
      ) : null}
    </tr>
  );
}
