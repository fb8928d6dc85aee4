import { parseMultipart, MultipartParseError } from "@remix-run/multipart-parser";
import { Problem } from "../../errors";
import { parseJson } from "../../json/json";
import { readBytes } from "../body";
import { urlencodedPairs } from "./urlencoded";

export const leadBody = 64 * 1024;

type Pairs = (readonly [name: string, value: string])[];
/** `charset`: that of this field alone. */
type RawPairs = (readonly [name: Uint8Array | string, value: Uint8Array, charset?: string | undefined])[];

const maxFields = 500;
/** The field in which HTML forms name their charset. */
const charsetField = "_charset_";

/** The media type, in lower case and without its parameters. */
function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * Reads a form into names and texts: JSON, urlencoded, multipart, or plain text of JSON or `key=value` lines. The charset is that of its
 * Content-Type, of a part, or of its field `_charset_`, else UTF-8. Bytes are counted while they are read.
 */
export async function readLeadForm(request: Request): Promise<Pairs> {
  const bytes = await readBytes(request, leadBody);
  const [type, contentType] = [mediaType(request), request.headers.get("content-type") ?? ""];
  const declared = charsetOf(contentType);
  const charset = charsetFor(declared);
  if (type === "multipart/form-data") return texts(multipart(bytes, contentType), declared);
  const text = charset.decode(bytes);
  if (/^application\/([a-z0-9.!#$&^_-]+\+)?json$/.test(type)) return fromJson(text);
  if (type === "application/x-www-form-urlencoded") return looksLikeJson(text) ? fromJson(text) : fromUrlencoded(bytes, text, charset, declared);
  if (type === "text/plain" || type === "") return looksLikeJson(text) ? fromJson(text) : fromLines(text);
  throw new Problem("unsupported-media-type", "Send JSON, application/x-www-form-urlencoded, multipart/form-data or text/plain.");
}

/** UTF-16 is refused: no byte of it is certainly a `&`, and browsers never send forms in it. */
function fromUrlencoded(bytes: Uint8Array, text: string, { name }: Charset, declared: string | undefined): Pairs {
  if (name.startsWith("utf-16")) return boundedPairs([...new URLSearchParams(text)]);
  const pairs = urlencodedPairs(bytes, maxFields);
  if (pairs === "too-many") throw tooMany();
  return texts(pairs, declared);
}

function multipart(bytes: Uint8Array, contentType: string): RawPairs {
  const boundary = /;\s*boundary\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s";]{1,200}))/i.exec(contentType);
  const separator = boundary?.[1] ?? boundary?.[2];
  if (separator === undefined || bytes.length === 0) throw notMultipart();
  try {
    const parts = [...parseMultipart(bytes, { boundary: separator, maxFileSize: leadBody, maxParts: maxFields })];
    // Files are ignored: a lead consists of texts.
    return parts.flatMap(({ isFile, name, bytes: value, headers }) =>
      isFile || name === undefined ? [] : [[name, value, charsetOf(headers["content-type"] ?? "")] as const],
    );
  } catch (cause) {
    if (cause instanceof MultipartParseError) throw cause.name === "MaxPartsExceededError" ? tooMany() : notMultipart(cause);
    throw cause;
  }
}

function notMultipart(cause?: unknown): Problem {
  return new Problem("malformed", "The body is not a multipart form with the boundary that Content-Type names.", { cause });
}

/** `declared`: the charset that the Content-Type names. */
function texts(pairs: RawPairs, declared: string | undefined): Pairs {
  const named = pairs.map(([name, value, own]) => ({ name: typeof name === "string" ? name : charsetFor(declared).decode(name), raw: name, value, own }));
  const field = named.find(({ name, value }) => name === charsetField && value.length > 0)?.value;
  const charset = charsetFor(declared ?? (field && new TextDecoder().decode(field).trim()));
  return named
    .filter(({ name }) => name !== charsetField)
    .map(({ name, raw, value, own }) => [typeof raw === "string" ? name : charset.decode(raw), (own === undefined ? charset : charsetFor(own)).decode(value)]);
}

function fromJson(text: string): Pairs {
  const json = parseJson(text);
  if (!json.ok) throw new Problem("malformed", `The body is not JSON: ${json.message}.`);
  if (typeof json.value !== "object" || json.value === null || Array.isArray(json.value)) {
    throw new Problem("invalid", "The body is not a form.", { errors: [{ path: "", message: "must be an object with the form's fields" }] });
  }
  return boundedPairs(Object.entries(json.value).flatMap(([name, value]) => valuesOf(value).map((each) => [name, each] as const)));
}

/** A value as text: lists give several, objects their JSON. */
function valuesOf(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.slice(0, maxFields).flatMap((each) => (Array.isArray(each) ? [JSON.stringify(each)] : valuesOf(each)));
  return [typeof value === "object" ? JSON.stringify(value) : String(value)];
}

function fromLines(text: string): Pairs {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  const pairs = lines.map((line) => [line.slice(0, Math.max(0, line.indexOf("="))).trim(), line.slice(line.indexOf("=") + 1)] as const);
  const index = lines.findIndex((line) => line.indexOf("=") < 1);
  if (index >= 0) throw new Problem("malformed", `Line ${index + 1} of the text is not key=value.`);
  return boundedPairs(pairs);
}

function boundedPairs<Pair>(pairs: Pair[]): Pair[] {
  if (pairs.length <= maxFields) return pairs;
  throw tooMany();
}

function tooMany(): Problem {
  return new Problem("invalid", "The form has too many fields.", { errors: [{ path: "", message: `may have ${maxFields} fields` }] });
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

/** How the bytes of a form become text. */
interface Charset {
  /** The name in the Encoding Standard. */
  name: string;
  decode(bytes: Uint8Array): string;
}

/** The charset of a Content-Type; undefined when it names none. */
function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*["']?([^\s"';]{1,40})/i.exec(contentType)?.[1];
}

/** The charset of a label. Without one, UTF-8 as `leniently` reads it. Throws 415 for a label that the platform cannot decode. */
function charsetFor(label: string | undefined): Charset {
  const decoder = decoderFor(label ?? "utf-8");
  return { name: decoder.encoding, decode: decoder.encoding === "utf-8" ? leniently : (bytes) => decoder.decode(bytes) };
}

function decoderFor(label: string): TextDecoder {
  try {
    return new TextDecoder(label);
  } catch (cause) {
    const known = "Send the form as UTF-8, or name a charset of the WHATWG Encoding Standard, as iso-8859-1.";
    throw new Problem("unsupported-media-type", `The charset "${label}" is not known. ${known}`, { cause });
  }
}

/**
 * UTF-8, as nearly all pages send it. Other bytes are read as windows-1252, which pages without a charset send and which contains the other
 * charsets of Western Europe. A text with some letters in UTF-8 stays UTF-8: a few bytes of it were lost.
 */
function leniently(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8").decode(bytes);
  if (!text.includes("\uFFFD")) return text;
  return /[\u0080-\uFFFC]/.test(text) ? text : new TextDecoder("windows-1252").decode(bytes);
}
