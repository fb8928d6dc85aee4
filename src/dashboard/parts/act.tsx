import type { ComponentChildren } from "preact";
import type { Action, Fields } from "../action";
import type { Visit } from "../page";
import { domId } from "./format";

interface ActProps {
  visit: Visit;
  action: Action;
  fields: Fields;
  /** Whose it is, where the page is about all tenants. */
  tenant?: string;
  label?: string;
  /** More fields, and what one should know before; with it, or for an action that harms, a dialog asks first. */
  children?: ComponentChildren;
  /** Distinguishes dialogs of one action on a page. */
  id?: string;
}

/** A button that does something: nothing at all for those who may not. */
export function Act({ visit, action, fields, tenant = visit.tenant, label = action.label, children, id }: ActProps) {
  if (!visit.may(action.scope)) return null;
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
