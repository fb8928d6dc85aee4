import { action } from "../action";

const move = (verb: string, label: string, scope: "enqueue" | "operate", done: string, harms = false) =>
  action(`POST /v1/campaigns/:id/${verb}`, { name: `${verb}-campaign`, scope, label, done, ...(harms ? { harms: true as const } : {}) });

export const campaignActions = {
  start: move("start", "Start", "enqueue", "The campaign starts."),
  pause: move("pause", "Pause", "operate", "Nothing more is sent until it is resumed."),
  resume: move("resume", "Resume", "operate", "The campaign goes on."),
  cancel: move("cancel", "Cancel", "operate", "The campaign has ended: recipients without a mail get none.", true),
};
