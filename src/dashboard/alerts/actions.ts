import { action, type ActionFields, textField } from "../action";

interface Sent {
  sent: { channel: string; id: string | null; reason: string | null }[];
}

/** Accepted is not delivered: the state of the job shows whether it arrived. */
function testText({ sent }: Sent): string {
  const texts = sent.map(({ channel, id, reason }) =>
    id === null ? `Nothing goes to ${channel}: ${reason}` : `A job takes the test to ${channel}; it says here whether it arrived.`,
  );
  return texts.join(" ");
}

export const alertActions = {
  put: action("PUT /v1/alert-rules/:name", {
    name: "put-alert-rule",
    scope: "admin",
    label: "Save",
    done: ({ name }) => `The rule ${name} is saved.`,
    body: ruleFrom,
  }),
  remove: action("DELETE /v1/alert-rules/:name", {
    name: "delete-alert-rule",
    scope: "admin",
    label: "Remove",
    done: ({ name }) => `The rule ${name} is removed.`,
    harms: true,
  }),
  test: action("POST /v1/alert-rules/:name/test", {
    name: "test-alert-rule",
    scope: "admin",
    label: "Send a test",
    done: (_fields, answer) => testText(answer as Sent),
    leadsTo: ({ name = "" }) => `/jobs?q=${encodeURIComponent(`alert-test:${name}`)}`,
  }),
};

/** Each ticked code is a field of its own; a text field has several values, separated by commas. */
function ruleFrom(fields: ActionFields): Record<string, unknown> {
  const codes = Object.keys(fields).flatMap((name) => (name.startsWith("code:") ? [name.slice("code:".length)] : []));
  const [types, email, destination] = [listOf(fields, "types"), listOf(fields, "email"), textField(fields, "destination")];
  return {
    minSeverity: fields["minSeverity"],
    slack: fields["slack"] === "on",
    enabled: fields["enabled"] === "on",
    email,
    ...(codes.length === 0 ? {} : { codes }),
    ...(types.length === 0 ? {} : { types }),
    ...(destination === undefined ? {} : { destination }),
  };
}

function listOf(fields: ActionFields, name: string): string[] {
  return (fields[name] ?? "").split(/[\s,]+/).filter(Boolean);
}
