import { plural } from "../../decimal";
import type { Replay } from "../answers";
import { byOf } from "../flow/by";
import type { Visit } from "../page";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { Table, Tenant } from "../parts/table";
import { Time } from "../parts/time";
import { leftOf, replayRate, ReplayActs, What } from "./parts";

/** Replays, one row each: state, selection and results. `acts`: with the actions for each. */
export function ReplayTable({ visit, replays, acts = false }: { visit: Visit; replays: readonly Replay[]; acts?: boolean }) {
  return (
    <Table
      label="Replays"
      rows={replays}
      id={({ tenant, id }) => domId("replay", ...(visit.tenant === "*" ? [tenant] : []), id)}
      columns={[
        ["State", ({ state }) => <State is={state} />],
        ["What", (replay) => <Selection visit={visit} replay={replay} />, "words"],
        ["#Left", (replay) => number(leftOf(replay))],
        ["#Ended well", ({ succeeded }) => number(succeeded)],
        ["#Failed again", ({ failedAgain }) => number(failedAgain)],
        ["-Rate", (replay) => replayRate(replay)],
        ["-Begun", ({ at }) => <Time at={at} />],
        ["-By", (replay) => byOf(replay), "name"],
        ...(acts ? [["-", (replay: Replay) => <ReplayActs visit={visit} replay={replay} />] as const] : []),
      ]}
    />
  );
}

function Selection({ visit, replay }: { visit: Visit; replay: Replay }) {
  const { id, tenant, reason, total } = replay;
  return (
    <>
      <Tenant visit={visit} of={tenant} />
      <a href={`/t/${tenant}/replays/${id}`}>{plural(total, "job")}</a>: <What replay={replay} /> {reason === null ? null : <span class="dim">{reason}</span>}
    </>
  );
}
