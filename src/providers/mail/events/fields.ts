import { recordOf } from "../../../json/record";

/** Fields of a provider's report; each read checks the type. */
export type ReportFields = Record<string, unknown>;

/** Recipients of one event that are read. */
export const maxEventRecipients = 50;

export function textIn(fields: ReportFields, name: string, max = 2000): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value.slice(0, max) : undefined;
}

export function listIn(fields: ReportFields, name: string): ReportFields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.slice(0, maxEventRecipients).map(recordOf) : [];
}

export function fieldsIn(fields: ReportFields, name: string): ReportFields {
  return recordOf(fields[name]);
}

/** A message id as `send` returned it: without angle brackets. */
export function messageIdIn(fields: ReportFields, name: string): string | undefined {
  return textIn(fields, name, 300)?.replace(/^<(.*)>$/, "$1");
}

/** Undefined: the text is no JSON object. */
export function jsonOf(text: string): ReportFields | undefined {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
