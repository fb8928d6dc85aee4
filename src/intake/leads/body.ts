import { Problem } from "../../errors";
import { parseJson } from "../../queue/json";
import { readBytes } from "../body";

export const leadBody = 64 * 1024;

export type Pairs = (readonly [name: string, value: string])[];

const mostFields = 500;
const forms = ["application/x-www-form-urlencoded", "multipart/form-data"];

/** The media type, in lower case and without its parameters. */
export function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Whether it came as a form of HTML sends it. */
export function isForm(request: Request): boolean {
  return forms.includes(mediaType(request));
}

/** What a form sent, as names and texts: JSON, urlencoded, multipart, or plain text of JSON or `key=value` lines. Counted while it is read. */
export async function readForm(request: Request): Promise<Pairs> {
  const bytes = await readBytes(request, leadBody);
  const type = mediaType(request);
  if (type === "multipart/form-data") return multipart(bytes, request.headers.get("content-type") ?? "");
  const text = new TextDecoder().decode(bytes);
  if (/^application\/([a-z0-9.!#$&^_-]+\+)?json$/.test(type)) return fromJson(text);
  if (type === "application/x-www-form-urlencoded") return looksLikeJson(text) ? fromJson(text) : bounded([...new URLSearchParams(text)]);
  if (type === "text/plain" || type === "") return looksLikeJson(text) ? fromJson(text) : fromLines(text);
  throw new Problem("unsupported-media-type", "Send JSON, application/x-www-form-urlencoded, multipart/form-data or text/plain.");
}

async function multipart(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<Pairs> {
  try {
    const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
    // Files are nothing a lead is made of.
    return bounded([...form].flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as const] : [])));
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem("malformed", "The body is not the multipart form that its header announces.", { cause });
  }
}

function fromJson(text: string): Pairs {
  const json = parseJson(text);
  if (!json.ok) throw new Problem("malformed", `The body is not JSON. Line ${json.line}, column ${json.column}: ${json.message}.`);
  if (typeof json.value !== "object" || json.value === null || Array.isArray(json.value)) {
    throw new Problem("invalid", "The body is not a form.", { errors: [{ path: "", message: "must be an object with the form's fields" }] });
  }
  return bounded(Object.entries(json.value).flatMap(([name, value]) => valuesOf(value).map((each) => [name, each] as const)));
}

/** A value as text: lists give several, objects their JSON. */
function valuesOf(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.slice(0, mostFields).flatMap((each) => (Array.isArray(each) ? [JSON.stringify(each)] : valuesOf(each)));
  return [typeof value === "object" ? JSON.stringify(value) : String(value)];
}

function fromLines(text: string): Pairs {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  const pairs = lines.map((line) => [line.slice(0, Math.max(0, line.indexOf("="))).trim(), line.slice(line.indexOf("=") + 1)] as const);
  const wrong = lines.findIndex((line) => line.indexOf("=") < 1);
  if (wrong >= 0) throw new Problem("malformed", `Line ${wrong + 1} of the text is not key=value.`);
  return bounded(pairs);
}

function bounded(pairs: Pairs): Pairs {
  if (pairs.length <= mostFields) return pairs;
  throw new Problem("invalid", "The form has too many fields.", { errors: [{ path: "", message: `may have ${mostFields} fields` }] });
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]/.test(text);
}
