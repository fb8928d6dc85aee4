import { action, numberField } from "../action";

export const replayActions = {
  abort: action("POST /v1/replays/:id/abort", { name: "abort-replay", scope: "operate", label: "Stop", done: "The replay is stopped.", harms: true }),
  resume: action("POST /v1/replays/:id/resume", {
    name: "resume-replay",
    scope: "operate",
    label: "Continue",
    done: "The replay continues within a minute.",
  }),
  setRate: action("PATCH /v1/replays/:id", {
    name: "set-replay-rate",
    scope: "operate",
    label: "Change the rate",
    done: "The rate holds from the next minute on.",
    body: (fields) => ({ ratePerMinute: numberField(fields, "ratePerMinute") ?? null }),
  }),
};
