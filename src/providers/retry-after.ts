import { daySeconds } from "../time/day";

/** The longest wait: one day, in seconds. */
const maxWaitSeconds = daySeconds;

/**
 * Seconds that a provider requests to wait, from `now` (milliseconds): `retry-after-ms`, else `Retry-After` as delta-seconds or HTTP-date
 * (RFC 9110 §10.2.3). Whole seconds, rounded up, within 0 to 24 h; a date in the past is 0; undefined when absent or unreadable.
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const milliseconds = headerNumber(headers.get("retry-after-ms"));
  if (milliseconds !== undefined) return clamped(milliseconds / 1000);
  const value = headers.get("retry-after");
  const seconds = headerNumber(value) ?? untilDate(value, now);
  return seconds === undefined ? undefined : clamped(seconds);
}

/** A non-negative decimal number of a header: `12`, `0.5`; undefined for anything else. */
export function headerNumber(value: string | null): number | undefined {
  return value !== null && /^\s*\d{1,15}(\.\d{1,6})?\s*$/.test(value) ? Number(value) : undefined;
}

function clamped(seconds: number): number {
  return Math.min(maxWaitSeconds, Math.max(0, Math.ceil(seconds)));
}

const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
const time = String.raw`\d{2}:\d{2}:\d{2}`;

/** The three forms of HTTP-date. Date.parse alone accepts nearly any text. */
const httpDates = [
  new RegExp(String.raw`^${day}, \d{2} ${month} \d{4} ${time} GMT$`),
  new RegExp(String.raw`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-${month}-\d{2} ${time} GMT$`),
  new RegExp(String.raw`^${day} ${month} [ \d]\d ${time} \d{4}$`),
];

function untilDate(value: string | null, now: number): number | undefined {
  const text = value?.trim() ?? "";
  if (!httpDates.some((form) => form.test(text))) return undefined;
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : (at - now) / 1000;
}
