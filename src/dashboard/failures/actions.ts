import { action, type Fields, textOf } from "../action";
import type { Replay } from "../answers";

export const failureActions = {
  replay: action("POST /v1/replays", {
    name: "replay",
    scope: "operate",
    label: "Replay",
    done: (_fields, answer) => `The replay of ${(answer as Replay).total} jobs has begun.`,
    body: (fields) => ({ filter: { group: fields["group"] }, ...countIn(fields, "canary"), ...countIn(fields, "ratePerMinute") }),
    leadsTo: (_fields, answer) => `/replays/${(answer as Replay).id}`,
  }),
  abortReplay: action("POST /v1/replays/:id/abort", { name: "abort-replay", scope: "operate", label: "Stop", done: "It is stopped.", harms: true }),
  dismiss: action("DELETE /v1/dead-letters/:id", {
    name: "dismiss",
    scope: "operate",
    label: "Dismiss",
    done: "It is off the list; the job stays readable.",
    harms: true,
  }),
};

/** A blank field says nothing. */
function countIn(fields: Fields, name: string): Record<string, number> {
  const text = textOf(fields, name);
  return text === undefined ? {} : { [name]: Number(text) };
}
