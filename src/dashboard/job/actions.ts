import { action } from "../action";

const unlessHeld = ": it runs next, unless a pause or a gate holds it back";

export const jobActions = {
  retry: action("POST /v1/jobs/:id/retry", { name: "retry-job", scope: "operate", label: "Retry", done: `It is in its queue again${unlessHeld}.` }),
  runNow: action("POST /v1/jobs/:id/run-now", { name: "run-job-now", scope: "operate", label: "Run now", done: `Its wait is over${unlessHeld}.` }),
  cancel: action("POST /v1/jobs/:id/cancel", {
    name: "cancel-job",
    scope: "operate",
    label: "Cancel",
    done: (_fields, answer) => ((answer as { cancelling: boolean }).cancelling ? "The job ends within seconds." : "The job is cancelled."),
    harms: true,
  }),
  resolveUncertainEffect: action("POST /v1/jobs/:id/effects", {
    name: "settle-doubt",
    scope: "operate",
    label: "Settle",
    done: ({ state }) => (state === "done" ? "Recorded: it happened." : "Recorded: it did not happen."),
    body: ({ key, state }) => ({ key, state }),
  }),
};
