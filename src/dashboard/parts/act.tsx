import type { ComponentChildren } from "preact";
import type { PageAction, ActionFields } from "../action";
import type { Visit } from "../page";
import { domId } from "./format";

interface ActProps {
  visit: Visit;
  action: PageAction;
  fields: ActionFields;
  /** The tenant that the call is for, on a page of all tenants. */
  tenant?: string;
  label?: string;
  /** Further fields, and a text to read first. With them, or for an action that stops or removes something, a dialog asks for confirmation. */
  children?: ComponentChildren;
  /** Distinguishes several dialogs of one action on a page. */
  id?: string;
}

/** The button of an action; nothing for a viewer without the scope. On a page of one tenant, an action for all tenants is labelled so and asks for confirmation. */
export function Act(props: ActProps) {
  const { visit, action, fields, tenant = visit.tenant, id } = props;
  const isWider = tenant === "*" && visit.tenant !== "*";
  if (!visit.may(action.scope) || (isWider && !visit.isRoot)) return null;
  const label = `${props.label ?? action.label}${isWider ? " for all tenants" : ""}`;
  const children = isWider ? [<Wider key="wider" visit={visit} />, props.children] : props.children;
  const target = `/t/${tenant}/do/${action.name}`;
  const back = `${visit.url.pathname}${visit.url.search}`;
  const hidden = Object.entries({ ...fields, back }).map(([name, value]) => <input key={name} type="hidden" name={name} value={value} />);
  if (!action.harms && !children)
    return (
      <form method="post" action={target} class="act">
        {hidden}
        <button>{label}</button>
      </form>
    );
  const dialog = domId("ask", action.name, tenant, id ?? Object.values(fields).join("-"));
  return (
    <span class="act">
      <button type="button" commandfor={dialog} command="show-modal" class={action.harms ? "harms" : undefined}>
        {label}
      </button>
      <dialog id={dialog} aria-labelledby={`${dialog}-title`}>
        <form method="post" action={target}>
          <h2 id={`${dialog}-title`}>{label}</h2>
          {hidden}
          {children}
          <div class="buttons">
            <button type="button" commandfor={dialog} command="close">
              Not now
            </button>
            <button class={action.harms ? "harms" : "main"}>{label}</button>
          </div>
        </form>
      </dialog>
    </span>
  );
}

function Wider({ visit }: { visit: Visit }) {
  return (
    <p>
      This page is about {visit.tenant}; it is done for <b>all tenants</b>.
    </p>
  );
}
