import { action, type ActionFields, numberField, textField } from "../action";

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

export const failureActions = {
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
