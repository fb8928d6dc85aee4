import { action, type Fields, textOf } from "../action";
import type { BulkAction, Replay } from "../answers";
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
    body: (fields) => ({ ...selectionOf(fields["selection"]), ...countIn(fields, "canary"), ...countIn(fields, "ratePerMinute") }),
    leadsTo: (_fields, answer) => `/replays/${(answer as Replay).id}`,
  }),
  abort: action("POST /v1/bulk-actions/:id/abort", { name: "abort-bulk", scope: "operate", label: "Stop", done: "It is stopped.", harms: true }),
};

/** A blank field says nothing. */
function countIn(fields: Fields, name: string): Record<string, number> {
  const text = textOf(fields, name);
  return text === undefined ? {} : { [name]: Number(text) };
}
