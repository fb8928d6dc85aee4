import { action, numberField } from "../action";
import { plural } from "../../decimal";

const move = (verb: string, label: string, scope: "enqueue" | "operate", done: string, harms = false) =>
  action(`POST /v1/campaigns/:id/${verb}`, { name: `${verb}-campaign`, scope, label, done, ...(harms ? { harms: true as const } : {}) });

export const campaignActions = {
  start: move("start", "Start", "enqueue", "The campaign starts."),
  pause: move("pause", "Pause", "operate", "Nothing more is sent until it is resumed."),
  resume: move("resume", "Resume", "operate", "The campaign goes on."),
  acknowledge: action("POST /v1/campaigns/:id/acknowledge", {
    name: "acknowledge-campaign",
    scope: "operate",
    label: "Acknowledge",
    // As many as the page showed: others that failed meanwhile are not seen yet.
    body: (fields) => ({ failed: numberField(fields, "failed") }),
    done: (_fields, answer) => acknowledgedText(answer as { acknowledged: { failed: number } }),
  }),
  cancel: move("cancel", "Cancel", "operate", "The campaign has ended: recipients without a mail get none.", true),
};

function acknowledgedText({ acknowledged: { failed } }: { acknowledged: { failed: number } }): string {
  return `Acknowledged: ${plural(failed, "recipient")} failed. Now has the campaign again when twice as many have, or when their share becomes critical.`;
}
