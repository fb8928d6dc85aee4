import { action, type ActionFields, textField } from "../action";

const decide = (status: "open" | "resolved" | "ignored", label: string, done: string) =>
  action("PUT /v1/failures/:group", {
    name: `failure-${status}`,
    scope: "operate",
    label,
    done,
    body: (fields: ActionFields) => {
      const [note, until] = [textField(fields, "note"), textField(fields, "untilCount")];
      return { status, ...(note === undefined ? {} : { note }), ...(until === undefined ? {} : { untilCount: Number(until) }) };
    },
  });

export const failureActions = {
  dismiss: action("DELETE /v1/dead-letters/:id", {
    name: "dismiss",
    scope: "operate",
    label: "Dismiss",
    done: "It is off the list; the job stays readable.",
    harms: true,
  }),
  resolve: decide("resolved", "Resolve", "It is resolved, and opens again when it fails again."),
  ignore: decide("ignored", "Ignore", "It is ignored: no finding and no alert is about it."),
  reopen: decide("open", "Reopen", "It is open again."),
};
