import { action } from "../action";

export const scheduleActions = {
  run: action("POST /v1/schedules/:name/run", {
    name: "run-schedule",
    scope: "operate",
    label: "Run now",
    done: "The job is enqueued. The planned times stay.",
    leadsTo: (_fields, answer) => `/jobs/${(answer as { id: string }).id}`,
  }),
};
