import type { Pauses } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { number } from "../parts/format";
import { flowActions } from "./actions";
import { byOf } from "./by";
import { Field } from "../parts/field";

type Pause = Pauses["pauses"][number];

interface HoldProps {
  visit: Visit;
  scope: Pause["scope"];
  name: string;
  /** All pauses that the interface lists. */
  pauses: readonly Pause[];
  perMinute?: number;
  label?: string;
}

const acts = {
  queue: [flowActions.pauseQueue, flowActions.resumeQueue],
  type: [flowActions.pauseType, flowActions.resumeType],
  tenant: [flowActions.pauseTenant, flowActions.resumeTenant],
} as const;

/** Pause or resume. On a pause for all tenants, a tenant sees who made it, since only the root token lifts it. */
export function Hold({ visit, scope, name, pauses, perMinute = 0, label }: HoldProps) {
  const [pause, resume] = acts[scope];
  const own = pauses.filter((each) => each.scope === scope && each.name === name && (each.tenant === "*" || each.tenant === visit.tenant));
  if (own.length > 0) return own.map((each) => <Lift key={each.tenant} visit={visit} pause={each} resume={resume} />);
  const isAll = visit.tenant === "*";
  return (
    <Act visit={visit} action={pause} fields={{ [scope]: name }} {...(label === undefined ? {} : { label })}>
      <p>
        The jobs of the {scope} <b>{name}</b> wait until it is resumed, for {isAll ? <b>all tenants</b> : <>the tenant {visit.tenant}</>}; none is lost.
        {perMinute > 0 ? ` Now it ends ${number(perMinute)} ${perMinute === 1 ? "job" : "jobs"} a minute.` : ""}
      </p>
      <Field label="Reason, shown with the pause" name="reason" maxLength={200} autocomplete="off" />
      {isAll ? (
        <Field label={`Type ${name} to confirm`} name="confirm" required pattern={name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")} autocomplete="off" />
      ) : null}
    </Act>
  );
}

function Lift({ visit, pause, resume }: { visit: Visit; pause: Pause; resume: (typeof acts)["queue"][1] }) {
  const { scope, name, tenant } = pause;
  if (tenant === "*" && !visit.isRoot) return <span class="dim">paused for all tenants by {byOf(pause)}</span>;
  return <Act visit={visit} action={resume} fields={{ [scope]: name }} tenant={tenant} />;
}
