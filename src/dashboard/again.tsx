import type { PageAction, ActionFields } from "./action";
import { pageActions } from "./actions";

interface AgainProps {
  action: PageAction;
  fields: ActionFields;
  /** `/t/{tenant}`. */
  base: string;
}

/** A form as it was sent, to be corrected and sent again. Without the script, the page with the form and its texts is gone. */
export function Again({ action, fields, base }: AgainProps) {
  const main = pageActions.find(({ name }) => name === action.triedBefore) ?? action;
  const hidden = hiddenIn(action);
  return (
    <form method="post" action={`${base}/do/${main.name}`} class="begin" data-plain>
      {Object.entries(fields).map(([name, value]) =>
        hidden.has(name) ? <input key={name} type="hidden" name={name} value={value} /> : <Field key={name} name={name} value={value} />,
      )}
      <span class="remedies">
        <button class={main.harms ? "harms" : "main"}>{main.label}</button>
        {main === action ? null : <button formaction={`${base}/do/${action.name}`}>{action.label}</button>}
        {fields["back"] ? <a href={fields["back"]}>Back</a> : null}
      </span>
    </form>
  );
}

/** Whether the form has fields that a person typed or ticked. */
export function hasTyped(action: PageAction, fields: ActionFields): boolean {
  const hidden = hiddenIn(action);
  return Object.entries(fields).some(([name, value]) => !hidden.has(name) && value.trim() !== "");
}

/** Fields that the page fills in: the selected jobs, the key of the form, and the path's parameters, except a name that the call creates. */
function hiddenIn({ method, path }: PageAction): Set<string> {
  const named = method === "PUT" ? [] : [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  return new Set(["back", "selection", "once", ...named]);
}

/** A longer text than this has several lines. */
const maxLine = 80;

function Field({ name, value }: { name: string; value: string }) {
  if (value === "on")
    return (
      <label class="tick">
        <input type="checkbox" name={name} checked /> {name}
      </label>
    );
  return (
    <label>
      {name}
      {value.length > maxLine || /[\n{]/.test(value) ? (
        <textarea name={name} value={value} spellcheck={false} />
      ) : (
        <input name={name} value={value} autocomplete="off" />
      )}
    </label>
  );
}
