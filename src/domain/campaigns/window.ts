import * as v from "valibot";
import { boundedList, boundedText, fieldRule } from "../../bounded";
import { nextTimes } from "../schedules/cron";

const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type Weekday = (typeof weekdays)[number];

const clock = boundedText(5, { pattern: /^(?:[01]\d|2[0-3]):[0-5]\d$/, rule: "must be a time of day as 09:00" });

/** When a campaign may send, in the tenant's time zone. `to` before `from` is on the next day; `days` are those on which the window opens. */
export const windowSchema = v.pipe(
  v.strictObject({
    from: clock,
    to: clock,
    days: v.optional(boundedList(v.picklist(weekdays, `must be one of ${weekdays.join(", ")}`), 7, { min: 1 })),
  }),
  fieldRule(["from", "to"], ({ from, to }) => from !== to, "must differ from the field from", "to"),
);

export type SendWindow = v.InferOutput<typeof windowSchema>;

/** The first time from `at` on that lies in the window. Milliseconds. */
export function opensAt(window: SendWindow | null, zone: string, at: number): number {
  if (window === null || isOpen(window, zone, at)) return at;
  const [hour = "0", minute = "0"] = window.from.split(":");
  const [next = at] = nextTimes({ cron: `${Number(minute)} ${Number(hour)} * * ${window.days?.join(",") ?? "*"}`, timezone: zone }, at, 1);
  return next;
}

function isOpen({ from, to, days = [...weekdays] }: SendWindow, zone: string, at: number): boolean {
  const { day, time } = localOf(zone, at);
  const today = weekdays[day] as Weekday;
  const yesterday = weekdays[(day + 6) % 7] as Weekday;
  if (from < to) return days.includes(today) && time >= from && time < to;
  return (days.includes(today) && time >= from) || (days.includes(yesterday) && time < to);
}

/** `day`: 0 is Monday. */
function localOf(zone: string, at: number): { day: number; time: string } {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", weekday: "short", hour: "2-digit", minute: "2-digit" });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const day = weekdays.indexOf((parts.get("weekday") ?? "").toLowerCase() as Weekday);
  return { day, time: `${parts.get("hour")}:${parts.get("minute")}` };
}
