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
    <Table
      label="Pauses"
      rows={pauses}
      id={({ tenant, scope, name }) => domId("pause", tenant, scope, name)}
      columns={[
        ["What", ({ scope, name }) => <State is="paused" word={`${scope} ${name}`} />],
        ["-For", ({ tenant }) => (tenant === "*" ? "all tenants" : tenant)],
        ["-Since", ({ since }) => <Time at={since} />],
        ["-By", (pause) => byOf(pause)],
        ["Why", ({ reason }) => reason ?? <span class="dim">no reason given</span>, "words"],
        ["", ({ scope, name, tenant }) => <Remedies visit={visit} remedies={[resumeOf({ scope, name })]} tenant={tenant} place="pauses" />],
      ]}
    />
  );
}
