import { redact } from "../../masking/redact";
import { linkOf } from "./link";
import { type Alert, isStanding, type Notice } from "./model";

/** Notices that one message spells out. */
const maxSpelledOut = 10;
const maxReason = 160;

/** One message for all notices of an owner. Nothing personal: types, groups, counts and redacted reasons. */
export function alertMessage(notices: readonly Notice[], publicUrl: string | undefined): { subject: string; text: string } {
  const spelledOut = notices.slice(0, maxSpelledOut);
  const sentences = spelledOut.map(sentenceOf);
  const lines = spelledOut.map(({ alert }, index) => [sentences[index], linkOf(alert, publicUrl)].filter((part) => part !== undefined).join(" "));
  const more = notices.length - lines.length;
  const [first = ""] = sentences;
  return {
    subject: `Jobyard: ${notices.length === 1 ? first.slice(0, 120) : `${notices.length} alerts`}`,
    text: [...lines, ...(more > 0 ? [`and ${more} more: GET /v1/alerts`] : [])].join("\n"),
  };
}

function sentenceOf({ kind, alert }: Notice): string {
  if (alert.cause.startsWith("finding/")) return findingSentence(kind, alert);
  if (isStanding(alert.cause)) return workSentence(kind, alert);
  return alert.cause.startsWith("tick/") ? tickSentence(kind, alert) : jobSentence(kind, alert);
}

function workSentence(kind: Notice["kind"], alert: Alert): string {
  const { subject, firstAt } = alert;
  const what = alert.cause.startsWith("no-worker/") ? `Jobs of type ${subject}` : `Worker ${subject}`;
  if (kind === "recovered") return `Recovered: ${what} (since ${isoMinute(firstAt)})`;
  return `${what}${kind === "continues" ? `, since ${isoMinute(firstAt)}` : ""}: ${alertReason(alert)}`;
}

function jobSentence(kind: Notice["kind"], alert: Alert): string {
  const { subject, count, cause, firstAt } = alert;
  const group = cause.slice("dead-letters/".length);
  const jobs = count === 1 ? "1 job" : `${count} jobs`;
  if (kind === "recovered") return `Recovered: no ${subject} job has failed this way for an hour (${jobs} since ${isoMinute(firstAt)}; group ${group})`;
  const since24 = kind === "continues" ? ` since ${isoMinute(firstAt)}` : "";
  return `${jobs} of type ${subject} failed for good${since24}: ${alertReason(alert)} (group ${group})`;
}

function findingSentence(kind: Notice["kind"], alert: Alert): string {
  const sentence = alertReason(alert);
  if (kind === "recovered") return `Recovered (since ${isoMinute(alert.firstAt)}): ${sentence}`;
  return kind === "continues" ? `Still, since ${isoMinute(alert.firstAt)}: ${sentence}` : sentence;
}

function tickSentence(kind: Notice["kind"], alert: Alert): string {
  const { subject, firstAt } = alert;
  if (kind === "recovered") return `Recovered: the tick's step ${subject} works again (it failed since ${isoMinute(firstAt)})`;
  return `The tick's step ${subject} ${kind === "continues" ? `still fails, since ${isoMinute(firstAt)}` : "fails"}: ${alertReason(alert)}`;
}

/** A reason is text: the characters that begin mark-up in a channel are replaced. */
function alertReason({ reason }: Alert): string {
  const text = redact(reason)
    .replaceAll(" > ", " › ")
    .replace(/[<>`\n]/g, " ");
  return text.length > maxReason ? `${text.slice(0, maxReason)}…` : text;
}

function isoMinute(at: number): string {
  return new Date(at).toISOString();
}
