import { action, type Fields, textField } from "../action";
import type { BulkAction, Plan, Replay } from "../answers";
import { patchIn, patchIssue, patchVerdict } from "./patch";
import { selectionOf } from "./selection";

const bulk = (line: "POST /v1/jobs/cancel" | "POST /v1/dead-letters/dismiss", name: string, label: string) =>
  action(line, {
    name,
    scope: "operate",
    label,
    done: "It has begun.",
    body: ({ selection }) => selectionOf(selection),
    leadsTo: (_fields, answer) => `/bulk/${(answer as BulkAction).id}`,
    harms: true,
  });

export const bulkActions = {
  cancel: bulk("POST /v1/jobs/cancel", "cancel-jobs", "Cancel"),
  dismiss: bulk("POST /v1/dead-letters/dismiss", "dismiss-letters", "Dismiss"),
  replay: action("POST /v1/replays", {
    name: "replay",
    scope: "operate",
    label: "Replay",
    done: (_fields, answer) => `The replay of ${(answer as Replay).total} jobs has begun.`,
    confirms: patchIssue,
    body: (fields) => ({ ...selectionOf(fields["selection"]), ...countIn(fields, "canary"), ...countIn(fields, "ratePerMinute"), ...patchIn(fields) }),
    leadsTo: (_fields, answer) => `/replays/${(answer as Replay).id}`,
  }),
  // The field `patch` needs an admin, here as in `replay`.
  tryPatch: action("POST /v1/replays", {
    name: "try-patch",
    triedBefore: "replay",
    scope: "operate",
    label: "Try the patch",
    confirms: (fields) => (textField(fields, "patch") === undefined ? "Type the patch that shall be tried." : patchIssue(fields)),
    body: (fields) => ({ ...selectionOf(fields["selection"]), ...patchIn(fields), plan: true }),
    done: (_fields, answer) => patchVerdict(answer as Plan),
  }),
  abort: action("POST /v1/bulk-actions/:id/abort", { name: "abort-bulk", scope: "operate", label: "Stop", done: "It is stopped.", harms: true }),
};

/** A blank field says nothing. */
function countIn(fields: Fields, name: string): Record<string, number> {
  const text = textField(fields, name);
  return text === undefined ? {} : { [name]: Number(text) };
}
