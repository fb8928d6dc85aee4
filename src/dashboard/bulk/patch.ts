import { plural } from "../../decimal";
import { isRecord } from "../../json/record";
import { type ActionFields, textField } from "../action";
import type { Plan } from "../answers";
import { number } from "../parts/format";

/** The patch of a form: `{ patch }`, or an empty object when the field is blank. */
export function patchIn(fields: ActionFields): { patch?: unknown } {
  const text = textField(fields, "patch");
  return text === undefined ? {} : { patch: JSON.parse(text) as unknown };
}

/** The issue of a patch; undefined for a right one and for a blank field. */
export function patchIssue(fields: ActionFields): string | undefined {
  const text = textField(fields, "patch");
  if (text === undefined) return undefined;
  const rule = 'The patch must be a JSON object, such as {"siteId": "main"}';
  try {
    return isRecord(JSON.parse(text)) ? undefined : `${rule}.`;
  } catch (thrown) {
    return `${rule}: ${(thrown as SyntaxError).message}.`;
  }
}

/** The result of a plan with the patch. */
export function patchVerdict({ checked, refused, total }: Plan): string {
  const [first] = refused;
  const tried = `${checked < total ? `The first ${number(checked)} payloads of ${number(total)} were tried` : `${plural(checked, "payload")} ${checked === 1 ? "was" : "were"} tried`}`;
  if (!first) return `${tried}: the patch fits each.`;
  return `${tried}: ${number(refused.length)}${refused.length === 100 ? " or more" : ""} cannot run with the patch. The first, …${first.id.slice(-8)}: ${first.reason}.`;
}
