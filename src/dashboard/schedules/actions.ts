import { action } from "../action";

export const scheduleActions = {
  run: action("POST /v1/schedules/:name/run", {
    name: "run-schedule",
    scope: "operate",
    label: "Run now",
    done: "Its job is enqueued; the planned times stay.",
    leadsTo: (_fields, answer) => `/jobs/${(answer as { id: string }).id}`,
  }),
};
