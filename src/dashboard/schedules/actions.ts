import { action } from "../action";
import type { RunSchedule } from "../answers";

/** Enqueued is not run: what holds the job is named. */
function doneText({ why }: RunSchedule): string {
  return why ? `The job is enqueued and waits: ${why.sentence}` : "The job is enqueued. The planned times stay.";
}

export const scheduleActions = {
  run: action("POST /v1/schedules/:name/run", {
    name: "run-schedule",
    scope: "operate",
    label: "Run now",
    done: (_fields, answer) => doneText(answer as RunSchedule),
    leadsTo: (_fields, answer) => `/jobs/${(answer as RunSchedule).id}`,
  }),
};
