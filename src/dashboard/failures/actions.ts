import { plural } from "../../decimal";
import { action, type ActionFields, numberField, textField } from "../action";
import type { EffectFindings } from "../answers";

const decide = (status: "open" | "resolved" | "ignored", label: string, done: string) =>
  action("PUT /v1/failures/:group", {
    name: `failure-${status}`,
    scope: "operate",
    label,
    done,
    body: (fields: ActionFields) => {
      const [note, until] = [textField(fields, "note"), numberField(fields, "untilCount")];
      return { status, ...(note === undefined ? {} : { note }), ...(until === undefined ? {} : { untilCount: until }) };
    },
  });

const settle = (state: "done" | "failed", name: string, label: string, phrase: string) =>
  action("POST /v1/jobs/effects", {
    name,
    scope: "operate",
    label,
    confirms: ({ ids }) => (ids ? undefined : "No job is ticked."),
    body: ({ ids = "" }) => ({ ids: ids.split(","), state }),
    done: (_fields, answer) => {
      const { settled, left } = answer as EffectFindings;
      const leftOut = `${plural(left.length, "job")} ${left.length === 1 ? "was" : "were"} left: no effect, or more than one act, is in doubt. See the job's page.`;
      const rest = left.length === 0 ? "" : ` ${leftOut}`;
      return `Recorded for ${plural(settled.length, "job")}: it ${phrase}.${rest}`;
    },
  });

export const failureActions = {
  happened: settle("done", "settle-happened", "It happened", "happened"),
  didNotHappen: settle("failed", "settle-not-happened", "It did not happen", "did not happen"),
  dismiss: action("DELETE /v1/dead-letters/:id", {
    name: "dismiss",
    scope: "operate",
    label: "Dismiss",
    done: "The job is off the list of failures. It can still be opened.",
    harms: true,
  }),
  resolve: decide("resolved", "Resolve", "The group is resolved. It opens again when another job fails this way."),
  ignore: decide("ignored", "Ignore", "The group is ignored: the report and the alerts leave it out."),
  reopen: decide("open", "Reopen", "The group is open again."),
};
