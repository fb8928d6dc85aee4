import { action, type ActionFields, numberField, textField } from "../action";
import type { BulkAction, Plan, Replay } from "../answers";
import { selectionOf } from "./selection";
import { plural } from "../../decimal";
import { isRecord } from "../../json/record";
import { number } from "../parts/format";

const nothingFits = "Nothing fits: no job was changed.";

/** Whether it has ended without a job. One that still runs looks for jobs further back. */
function isEmpty({ total, state }: BulkAction | Replay): boolean {
  return total === 0 && state !== "running";
}

/** The page of what has begun; none when it names no job. */
function placeOf(folder: "bulk" | "replays", begun: BulkAction | Replay): string | undefined {
  return isEmpty(begun) ? undefined : `/${folder}/${begun.id}`;
}

const bulk = (line: `POST ${(typeof bulkPaths)[keyof typeof bulkPaths]}`, name: string, label: string, more: { harms?: true } = {}) =>
  action(line, {
    ...more,
    name,
    scope: "operate",
    label,
    done: (_fields, answer) => (isEmpty(answer as BulkAction) ? nothingFits : "The action has begun."),
    body: ({ selection }) => selectionOf(selection),
    leadsTo: (_fields, answer) => placeOf("bulk", answer as BulkAction),
  });

/** The actions on many jobs. */
export const bulkPaths = { cancel: "/v1/jobs/cancel", "run-now": "/v1/jobs/run-now", dismiss: "/v1/dead-letters/dismiss" } as const;

export const bulkActions = {
  cancel: bulk("POST /v1/jobs/cancel", "cancel-jobs", "Cancel", { harms: true }),
  "run-now": bulk("POST /v1/jobs/run-now", "run-jobs-now", "Run now"),
  dismiss: bulk("POST /v1/dead-letters/dismiss", "dismiss-letters", "Dismiss", { harms: true }),
  replay: action("POST /v1/replays", {
    name: "replay",
    scope: "operate",
    label: "Replay",
    done: (_fields, answer) => (isEmpty(answer as Replay) ? nothingFits : `The replay of ${(answer as Replay).total} jobs has begun.`),
    confirms: patchIssue,
    body: (fields) => ({ ...selectionOf(fields["selection"]), ...countIn(fields, "canary"), ...countIn(fields, "ratePerMinute"), ...patchIn(fields) }),
    leadsTo: (_fields, answer) => placeOf("replays", answer as Replay),
  }),
  // The field `patch` needs an admin, here as in `replay`.
  tryPatch: action("POST /v1/replays", {
    name: "try-patch",
    triedBefore: "replay",
    scope: "operate",
    label: "Try the patch",
    confirms: (fields) => (textField(fields, "patch") === undefined ? "Enter the patch to try." : patchIssue(fields)),
    body: (fields) => ({ ...selectionOf(fields["selection"]), ...patchIn(fields), plan: true }),
    done: (_fields, answer) => patchVerdict(answer as Plan),
  }),
  abort: action("POST /v1/bulk-actions/:id/abort", { name: "abort-bulk", scope: "operate", label: "Stop", done: "The action is stopped.", harms: true }),
};

/** A blank field is left out. */
function countIn(fields: ActionFields, name: string): Record<string, number | string> {
  const count = numberField(fields, name);
  return count === undefined ? {} : { [name]: count };
}

/** The patch of a form: `{ patch }`, or an empty object when the field is blank. */
function patchIn(fields: ActionFields): { patch?: unknown } {
  const text = textField(fields, "patch");
  return text === undefined ? {} : { patch: JSON.parse(text) as unknown };
}

/** The issue of a patch; undefined for a right one and for a blank field. */
function patchIssue(fields: ActionFields): string | undefined {
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
function patchVerdict({ checked, refused, total }: Plan): string {
  const [first] = refused;
  const tried = `${checked < total ? `The first ${number(checked)} payloads of ${number(total)} were tried` : `${plural(checked, "payload")} ${checked === 1 ? "was" : "were"} tried`}`;
  if (!first) return `${tried}: the patch fits each.`;
  return `${tried}: ${number(refused.length)}${refused.length === 100 ? " or more" : ""} cannot run with the patch. The first, …${first.id.slice(-8)}: ${first.reason}.`;
}
