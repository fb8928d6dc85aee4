/** A message as the mail API takes it, checked: the rules and sentences of Resend's `POST /emails`. */
export interface Message {
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  replyTo: string[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: Record<string, string>;
}

export interface Refusal {
  status: number;
  name: string;
  message: string;
}

const mostRecipients = 50;
const unverified = /@([a-z0-9.-]*\bunverified\b[a-z0-9.-]*)>?$/i;

/** Domains with the label `unverified` are refused as a real account refuses a domain it has not verified. */
export function readMessage(input: unknown): Message | Refusal {
  if (!isRecord(input)) return refusal(422, "validation_error", "The request body must be a JSON object.");
  for (const field of ["from", "to", "subject"]) {
    if (input[field] === undefined || input[field] === "") return refusal(422, "missing_required_field", `Missing \`${field}\` field.`);
  }
  if (!input["html"] && !input["text"]) return refusal(422, "missing_required_field", "Missing `html` or `text` field.");
  return badFrom(input["from"]) ?? badRecipients(input) ?? badContent(input) ?? asMessage(input);
}

export function isRefusal(value: Message | Refusal): value is Refusal {
  return "status" in value;
}

export function refusal(status: number, name: string, message: string): Refusal {
  return { status, name, message };
}

function badFrom(from: unknown): Refusal | null {
  if (typeof from !== "string" || !isAddress(from)) return refusal(422, "invalid_from_address", `Invalid \`from\` field. ${addressRule}`);
  const domain = unverified.exec(from)?.[1];
  return domain ? refusal(403, "validation_error", `The ${domain} domain is not verified. Please, add and verify your domain.`) : null;
}

function badRecipients(input: Record<string, unknown>): Refusal | null {
  for (const field of ["to", "cc", "bcc", "reply_to"]) {
    const addresses = listed(input[field]);
    if (!addresses.every(isAddress)) return refusal(422, "validation_error", `Invalid \`${field}\` field. ${addressRule}`);
    if (addresses.length > mostRecipients) return refusal(422, "validation_error", `The \`${field}\` field must not have more than ${mostRecipients} items.`);
  }
  return listed(input["to"]).length === 0 ? refusal(422, "missing_required_field", "Missing `to` field.") : null;
}

function badContent(input: Record<string, unknown>): Refusal | null {
  for (const field of ["subject", "html", "text"]) {
    const value = input[field];
    if (value !== undefined && value !== null && typeof value !== "string")
      return refusal(422, "validation_error", `The \`${field}\` field must be a \`string\`.`);
  }
  const headers = input["headers"];
  if (headers !== undefined && !(isRecord(headers) && Object.values(headers).every((value) => typeof value === "string"))) {
    return refusal(422, "validation_error", "The `headers` field must be an object of strings.");
  }
  const attachments = input["attachments"];
  if (attachments !== undefined && !(Array.isArray(attachments) && attachments.every((each) => isRecord(each) && (each["content"] || each["path"])))) {
    return refusal(422, "invalid_attachment", "Attachment must have either a `content` or `path`.");
  }
  return null;
}

function asMessage(input: Record<string, unknown>): Message {
  return {
    from: String(input["from"]),
    to: listed(input["to"]).map(String),
    cc: listed(input["cc"]).map(String),
    bcc: listed(input["bcc"]).map(String),
    replyTo: listed(input["reply_to"]).map(String),
    subject: String(input["subject"]),
    html: typeof input["html"] === "string" ? input["html"] : null,
    text: typeof input["text"] === "string" ? input["text"] : null,
    headers: { ...(input["headers"] as Record<string, string> | undefined) },
  };
}

const addressRule = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.";

function isAddress(value: unknown): boolean {
  if (typeof value !== "string" || value.length > 1000) return false;
  const bare = /^[^<>\r\n]*<([^<>\r\n]+)>$/.exec(value)?.[1] ?? value;
  return /^[^\s@<>,;]{1,64}@[^\s@<>,;.]+(\.[^\s@<>,;.]+)+$/.test(bare);
}

function listed(value: unknown): unknown[] {
  if (value === undefined || value === null || value === "") return [];
  return Array.isArray(value) ? value : [value];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
