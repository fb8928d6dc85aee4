import { base32Digits } from "./crypto";

/** What of a job names its trace. */
export interface Traced {
  id: string;
  /** `{trace id}-{flags}` as its sender or its parent handed it on. */
  trace?: string | null | undefined;
  parent?: string | null | undefined;
}

const version00 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const later = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x20-\x7e]*)?$/;
const stored = /^[0-9a-f]{32}-[0-9a-f]{2}$/;
/** Characters; version 00 has 55, later versions may append. */
const maxTraceparent = 256;
/** Characters of an id that hold 128 bits: its time and random part, or its hash. */
const idCharacters = 26;

/**
 * `{trace id}-{flags}` of a W3C `traceparent` header; undefined without one, and for one that does not follow the recommendation, which a receiver
 * is to ignore. Of a version after 00 the fields of version 00 are read.
 */
export function traceFrom(traceparent: string | null | undefined): string | undefined {
  const text = traceparent?.trim() ?? "";
  if (text.length < 55 || text.length > maxTraceparent) return undefined;
  const [, trace, span, flags] = (text.startsWith("00-") ? version00 : later).exec(text) ?? [];
  if (trace === undefined || span === undefined || isZero(trace) || isZero(span)) return undefined;
  return `${trace}-${flags}`;
}

/** `{trace id}-{flags}` of a job. Where none was handed on the trace id is made of the parent's id, else of its own: jobs and their children share it. */
export function traceOf({ id, trace, parent }: Traced): string {
  return trace && stored.test(trace) ? trace : `${traceIdFrom(parent ?? id)}-01`;
}

/** The 32 hexadecimal digits by which a job is found in other systems. */
export function traceIdOf(job: Traced): string {
  return traceOf(job).slice(0, 32);
}

/** The fields of an event that identify its job. */
export function aboutJob({ tenant, id, trace, parent }: Traced & { tenant: string }) {
  return { tenant, id, trace: trace ?? undefined, parent: parent ?? undefined };
}

/** What a child must carry to be in its parent's trace: nothing where the parent's id is enough. */
export function traceOfChild(parent: Traced): string | undefined {
  return parent.trace || parent.parent ? traceOf(parent) : undefined;
}

/** The header of one call: each has a span id of its own, random by default. */
export function traceparentFrom(trace: string, span = randomHex(8)): string {
  return `00-${trace.slice(0, 32)}-${span}-${trace.slice(33)}`;
}

/** The trace id of a request: its sender's, else its own id, a UUID. */
export function traceIdOfRequest(headers: Headers, requestId: string): string {
  return traceFrom(headers.get("traceparent"))?.slice(0, 32) ?? requestId.replaceAll("-", "");
}

let ofIsolate: string | undefined;

/** The trace id of log lines that belong to no job and no request: one per isolate. */
export function isolateTraceId(): string {
  return (ofIsolate ??= randomHex(16));
}

/** Logs an event that belongs to no job and no request. */
export function logWarning(event: string, details: Record<string, string>): void {
  console.warn(JSON.stringify({ event, ...details, trace: isolateTraceId() }));
}

/** An id has 128 bits of time and chance, or of a hash: they are the trace id. */
function traceIdFrom(id: string): string {
  let bits = 0n;
  for (const character of id.slice(0, idCharacters)) bits = (bits << 5n) | BigInt(Math.max(0, base32Digits.indexOf(character)));
  return BigInt.asUintN(128, bits).toString(16).padStart(32, "0");
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isZero(digits: string): boolean {
  return /^0+$/.test(digits);
}
