import * as v from "valibot";
import { boundedRecord, boundedText, jsonObject } from "../../bounded";
import { personal, redacted } from "../../masking/personal";
import { plainMessage } from "../../queue/validate";
import { catalogue, isKnown } from "./catalogue";
import { sha256Hex } from "../../crypto";
import type { EnqueueRequest } from "../../queue/request";

/** Times that an event may pass through; one more means that a destination sends it back. */
export const maxHops = 5;

const timeRule = "must be a time with its offset, as 2026-10-01T12:00:00Z, or milliseconds since 1970";
const earliest = 100_000_000_000;
const latest = Date.UTC(9999, 0);

const form = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const rfc3339 = v.pipe(
  boundedText(40, { rule: timeRule }),
  v.check((text) => form.test(text) && !Number.isNaN(Date.parse(text)), timeRule),
);
const milliseconds = v.pipe(
  v.number(),
  v.minValue(earliest, timeRule),
  v.maxValue(latest, timeRule),
  v.transform((at) => new Date(at).toISOString()),
);

const eventId = boundedText(128, { min: 1, pattern: /^[^\p{Cc}]*$/u, rule: "must have 1 to 128 characters, none of them a control character" });
const typeRule = "must be words of letters, digits, - and _, joined by dots, as lead.created";

const fields = v.strictObject({
  /** The sender's id, unique within `source`: a repeated event has no effect. */
  id: v.pipe(eventId, redacted()),
  type: v.pipe(
    boundedText(128, { pattern: /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, rule: typeRule }),
    v.check((type) => !type.startsWith("job."), "is reserved for the events that ended jobs make"),
  ),
  source: v.optional(v.pipe(boundedText(512, { min: 1 }), redacted())),
  subject: v.optional(v.pipe(boundedText(512), redacted())),
  /** When it happened; default: when it was received. */
  timestamp: v.optional(v.union([rfc3339, milliseconds], timeRule)),
  data: v.pipe(v.optional(jsonObject(), {}), personal()),
  /** Other attributes of a CloudEvent, passed on unchanged. */
  extensions: v.optional(v.pipe(boundedRecord(v.string(), v.union([v.string(), v.number(), v.boolean()]), 50), personal())),
  hops: v.optional(v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(0, "must not be negative"), v.maxValue(100, "must be at most 100"))),
});

/**
 * An enqueued event: `{id, type, timestamp?, data}` and the attributes of a CloudEvent.
 * The data of a known type must match its schema; that of other types is any object.
 */
export const eventPayload = v.pipe(
  fields,
  v.rawTransform(({ dataset, addIssue }) => {
    const { type, data } = dataset.value;
    if (!isKnown(type)) return dataset.value;
    const checked = v.safeParse(catalogue[type].data, data, { message: plainMessage });
    if (checked.success) return { ...dataset.value, data: checked.output as Record<string, unknown> };
    for (const issue of checked.issues) addIssue({ message: issue.message, path: [stepTo(dataset.value, "data"), ...(issue.path ?? [])] as never });
    return dataset.value;
  }),
);

export type Event = v.InferOutput<typeof eventPayload>;

/** What one event recorded about one entity. Facts are only added; their order of arrival does not matter. */
export interface Fact {
  entity: string;
  /** When it happened. Milliseconds. */
  at: number;
  /** The event's id; a repeated fact is stored once. */
  event: string;
  type: string;
  data: Record<string, unknown>;
}

/** The newest value of each field, by the time of the events. */
export interface EntityState {
  data: Record<string, unknown>;
  /** Raised by every fact, also by one that changes no field. 0: there are no facts. */
  version: number;
}

/** When it happened (milliseconds), at most `receivedAt`: a sender's fast clock must not make its events the newest for ever. */
export function happenedAt({ timestamp }: Pick<Event, "timestamp">, receivedAt: number): number {
  return timestamp === undefined ? receivedAt : Math.min(Date.parse(timestamp), receivedAt);
}

function stepTo(input: object, key: string) {
  return { type: "object", origin: "value", input, key, value: (input as Record<string, unknown>)[key] };
}

/** The key of an event's job: an id is unique within its source (CloudEvents 1.0, 3.1). */
export async function eventKey({ id, source }: { id: string; source?: string | undefined }): Promise<Pick<EnqueueRequest, "own" | "formerKey">> {
  if (source === undefined) return { own: ["event", id], formerKey: `event ${id}` };
  const short = await sha256Hex(source, 32);
  return { own: ["event", id, short], formerKey: `event ${short} ${id}` };
}
