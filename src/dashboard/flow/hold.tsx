import type { Visit } from "../page";
import { Act } from "../parts/act";
import { number } from "../parts/format";
import { flowActions } from "./actions";

interface HoldProps {
  visit: Visit;
  scope: "queue" | "type" | "tenant";
  name: string;
  isPaused: boolean;
  perMinute?: number;
  tenant?: string;
  label?: string;
}

const acts = {
  queue: [flowActions.pauseQueue, flowActions.resumeQueue],
  type: [flowActions.pauseType, flowActions.resumeType],
  tenant: [flowActions.pauseTenant, flowActions.resumeTenant],
} as const;

/** Pause or resume. A pause asks for its reason, and for all tenants to type what is paused. */
export function Hold({ visit, scope, name, isPaused, perMinute = 0, tenant = visit.tenant, label }: HoldProps) {
  const [pause, resume] = acts[scope];
  const fields = { [scope]: name };
  if (isPaused) return <Act visit={visit} action={resume} fields={fields} tenant={tenant} />;
  const isAll = tenant === "*";
  return (
    <Act visit={visit} action={pause} fields={fields} tenant={tenant} {...(label === undefined ? {} : { label })}>
      <p>
        The jobs of the {scope} <b>{name}</b> wait until it is resumed, for {isAll ? <b>all tenants</b> : <>the tenant {tenant}</>}; none is lost.
        {perMinute > 0 ? ` Now it ends ${number(perMinute)} jobs a minute.` : ""}
      </p>
      <label>
        Reason, shown with the pause
        <input name="reason" maxLength={200} autocomplete="off" />
      </label>
      {isAll ? (
        <label>
          Type {name} to confirm
          <input name="confirm" required pattern={name} autocomplete="off" />
        </label>
      ) : null}
    </Act>
  );
}
