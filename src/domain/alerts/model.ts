import { dayMs, hourMs, minuteMs } from "../../time/day";

/** The installation as the owner of an alert. */
export const installation = "*";

/** Something that went wrong, and whether it was sent. Times in milliseconds. */
export interface Alert {
  tenant: string;
  /** `dead-letters/{group}`, `tick/{step}`, `no-worker/{type}`, `offers-void/{worker}` or `finding/{severity}/{code}/{subject}`. */
  cause: string;
  state: "open" | "recovered";
  /** The type of job, the step of the tick, the worker, or what a finding is about. */
  subject: string;
  /** Reason of the newest failure, redacted. */
  reason: string;
  /** Failures since it opened. */
  count: number;
  /** Since when it fails: at or before `since`. */
  firstAt: number;
  /** When the alert was opened. */
  since: number;
  lastAt: number;
  toldAt: number | null;
  /** Channels that took the newest notice. */
  via: readonly string[];
  recoveredAt: number | null;
}

/** Failures of one cause that were found since the last look. */
export interface AlertFailure extends Pick<Alert, "tenant" | "cause" | "subject" | "reason" | "count" | "lastAt"> {
  /** Time of the first of them, where it is known. */
  firstAt?: number | null;
}

type NoticeKind = "began" | "continues" | "recovered";

export interface Notice {
  kind: NoticeKind;
  alert: Alert;
}

/** A cause that opens again so soon after it was sent is not sent again. Milliseconds. */
export const cooldownMs = hourMs;
/** An open cause that goes on is sent again after this. Milliseconds. */
export const remindAfterMs = dayMs;
/** What a refused notice is tried again for, after the newest failure. Milliseconds. */
const retryForMs = 10 * minuteMs;

/** Causes that each tick looks at anew: of these the count is the newest one. */
export function isStanding(cause: string): boolean {
  return ["no-worker", "offers-void", "finding"].includes(cause.split("/", 1)[0] ?? "");
}

/** Without a failure for so long a cause has recovered: an hour for jobs, ten minutes for what each tick looks at. */
export function quietAfter(cause: string): number {
  return cause.startsWith("tick/") || isStanding(cause) ? 600_000 : hourMs;
}

/** What becomes of a cause by what was found, and the notice that is due. Pure; `toldAt` is the sender's to set. */
export function nextAlert(before: Alert | undefined, found: AlertFailure | undefined, now: number): { alert: Alert; notice: NoticeKind | null } | null {
  if (found) {
    const alert = opened(before, found, now);
    return { alert, notice: noticeOf(alert, now) ?? (hasGrown(before, alert) ? "continues" : null) };
  }
  if (before?.state !== "open") return null;
  if (now - before.lastAt >= quietAfter(before.cause)) {
    return { alert: { ...before, state: "recovered", recoveredAt: now }, notice: isTold(before) && before.via.length > 0 ? "recovered" : null };
  }
  const isPending = !isTold(before) && now - before.lastAt <= retryForMs;
  return { alert: before, notice: isPending ? noticeOf(before, now) : null };
}

/** A group of dead letters that grows is sent again at its tenth, hundredth, thousandth, … job. */
function hasGrown(before: Alert | undefined, after: Alert): boolean {
  if (before?.state !== "open" || isStanding(after.cause) || !isTold(after)) return false;
  return String(after.count).length > String(before.count).length;
}

function opened(before: Alert | undefined, { count, ...failure }: AlertFailure, now: number): Alert {
  const found = { ...failure, firstAt: Math.min(failure.firstAt ?? now, before?.state === "open" ? before.firstAt : now) };
  if (before?.state === "open")
    return { ...before, ...found, lastAt: Math.max(before.lastAt, found.lastAt), count: isStanding(found.cause) ? count : before.count + count };
  return { ...found, count, state: "open", since: now, toldAt: before?.toldAt ?? null, via: before?.via ?? [], recoveredAt: null };
}

function noticeOf(alert: Alert, now: number): NoticeKind | null {
  if (isTold(alert)) return now - (alert.toldAt ?? now) >= remindAfterMs ? "continues" : null;
  return alert.toldAt === null || now - alert.toldAt >= cooldownMs ? "began" : null;
}

/** Whether it was sent since it opened. */
function isTold({ toldAt, since }: Alert): boolean {
  return toldAt !== null && toldAt >= since;
}
