import { maxHops } from "../../domain/events/model";
import { type Issue, Problem, wrongInput } from "../../errors";
import { parsedJson } from "../body";
import { fromBinary, fromStructured, isBinary, type Read } from "./cloud-event";

/** One event, or its issues. */
export type IncomingEvent = { ok: true; input: Record<string, unknown>; rename(path: string): string } | { ok: false; issues: Issue[] };

export interface IncomingEvents {
  /** Form of the answer: for a `batch` it names each event, in `binary` mode it has no body. */
  mode: "single" | "binary" | "batch";
  events: IncomingEvent[];
  /** Characters of the body. */
  length: number;
}

interface ReadOptions {
  /** The id of an event that has none of its own: that of the signed message that brings it. */
  id?: string;
}

const maxEvents = 10_000;

/**
 * The events of a body: `{id, type, data, timestamp}`, or CloudEvents 1.0. The Content-Type decides the mode: everything that
 * begins with `application/cloudevents` is structured or a batch; with any other type, `ce-` headers mean binary mode.
 * Throws the Problem of a single event; in a batch each event has its own.
 */
export function readEvents(headers: Headers, bytes: Uint8Array, options: ReadOptions = {}): IncomingEvents {
  const hops = hopsOf(headers);
  const text = eventText(bytes, headers);
  if (isBatch(headers)) return { mode: "batch", events: batchOf(parsedJson(text)).map((each) => withHops(each, hops)), length: text.length };
  const read = single(headers, text, options);
  if (!read.ok) throw problemOf(read);
  return { mode: isBinary(headers) ? "binary" : "single", events: [withHops(read, hops)], length: text.length };
}

/** Whether headers announce a batch, which may be larger. */
export function isBatch(headers: Headers): boolean {
  return /^application\/cloudevents-batch\+json\s*(;|$)/.test(typeOf(headers));
}

function single(headers: Headers, text: string, { id }: ReadOptions): Read {
  const type = typeOf(headers);
  if (/^application\/cloudevents\+json\s*(;|$)/.test(type)) return fromStructured(parsedJson(text));
  if (type.startsWith("application/cloudevents"))
    throw new Problem("unsupported-media-type", "Only the JSON format of CloudEvents is supported: send application/cloudevents+json.");
  if (isBinary(headers)) return fromBinary(headers, text, parsedJson);
  if (!isNative(type))
    throw new Problem("unsupported-media-type", "Send application/json, application/cloudevents+json or application/cloudevents-batch+json.");
  const value = parsedJson(text);
  // Some senders declare structured CloudEvents as plain JSON.
  if (typeof value === "object" && value !== null && "specversion" in value) return fromStructured(value);
  return native(value, id);
}

function native(value: unknown, id: string | undefined): Read {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { ok: false, issues: [{ path: "", message: "must be an event: an object" }] };
  const strange = ["extensions", "hops"].filter((name) => name in value);
  if (strange.length > 0) return { ok: false, issues: strange.map((path) => ({ path, message: "is not a field here" })) };
  return { ok: true, input: id === undefined ? { ...value } : { id, ...value }, rename: (path) => path };
}

function batchOf(value: unknown): Read[] {
  if (!Array.isArray(value))
    throw new Problem("invalid", "A batch must be a list of CloudEvents.", { errors: [{ path: "", message: "must be a list of CloudEvents" }] });
  if (value.length > maxEvents) {
    throw new Problem("invalid", "A batch may have at most 10,000 events.", {
      errors: [{ path: "", message: `has ${value.length} events; at most 10,000 are accepted` }],
    });
  }
  return value.map((each) => fromStructured(each));
}

/** Jobyard's own deliveries carry a count of passes, so that a loop of events ends. */
function hopsOf(headers: Headers): number {
  const text = headers.get("jobyard-hops") ?? "0";
  const hops = /^\d{1,3}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (hops <= maxHops) return hops;
  const message = `must be a number of at most ${maxHops}: a destination sends back the events that it gets`;
  throw new Problem("invalid", "The event has passed too many destinations: one of them sends it back.", { errors: [{ path: "jobyard-hops", message }] });
}

function withHops(read: Read, hops: number): IncomingEvent {
  return read.ok && hops > 0 ? { ...read, input: { ...read.input, hops } } : read;
}

function problemOf({ issues, malformed }: Extract<Read, { ok: false }>): Problem {
  return new Problem(malformed ? "malformed" : "invalid", wrongInput("The event", issues), { errors: issues });
}

function typeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").trim().toLowerCase();
}

function eventText(bytes: Uint8Array, headers: Headers): string {
  const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (!["", "identity"].includes(encoding)) throw new Problem("unsupported-media-type", "Send the body as it is, without a Content-Encoding.");
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/.exec(typeOf(headers))?.[1];
  if (charset !== undefined && !/^utf-?8$/.test(charset)) throw new Problem("unsupported-media-type", "Send JSON as UTF-8.");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new Problem("malformed", "The body is not UTF-8.", { cause });
  }
}

/** A body without a media type, or with one that clients add by default, is read as JSON. */
function isNative(type: string): boolean {
  const [media = ""] = type.split(";");
  return ["", "text/plain", "application/x-www-form-urlencoded"].includes(media.trim()) || /^application\/([a-z0-9.!#$&^_-]+\+)?json$/.test(media.trim());
}
