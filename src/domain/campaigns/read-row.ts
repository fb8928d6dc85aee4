import { mailboxFrom } from "../mail/mailbox";
import { checkJson, parseJson } from "../../json/json";

/** A valid row, or its issue. An issue repeats no content of the row. */
export type ReadRow = { to: string; variables: Record<string, unknown> } | { issue: string };

/** Names of the address field; the first that is present counts. */
export const recipientFields = ["to", "email", "address"] as const;

const maxMailbox = 400;
const noAddress = "the address must be one as ada@example.com or Ada <ada@example.com>";

/** A row from its fields. `variables` is an object of variables; every other field is a variable too. */
export function rowFromFields(fields: Record<string, unknown>): ReadRow {
  const name = recipientFields.find((each) => Object.hasOwn(fields, each));
  if (name === undefined) return { issue: "the row has no field to, email or address" };
  const { [name]: address, variables, ...others } = fields;
  const to = typeof address === "string" && address.length <= maxMailbox ? mailboxFrom(address.trim()) : undefined;
  if (to === undefined) return { issue: noAddress };
  if (variables === undefined) return { to, variables: others };
  if (typeof variables !== "object" || variables === null || Array.isArray(variables)) return { issue: "variables must be an object" };
  return { to, variables: { ...others, ...variables } };
}

/** A row of `application/x-ndjson`. */
export function rowFromJson(text: string): ReadRow {
  const json = parseJson(text);
  if (!json.ok) return { issue: json.message };
  const { value } = json;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { issue: "the row must be a JSON object" };
  const [issue] = checkJson(value);
  return issue ? { issue: `${issue.path}: ${issue.message}` } : rowFromFields(value as Record<string, unknown>);
}
