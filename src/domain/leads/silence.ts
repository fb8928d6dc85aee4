import { changes, statement } from "../../d1";
import type { Silence } from "../../tenants/project-schema";
import { localTime } from "../../time/zone";
import { minuteMs } from "../../time/day";

/** A project with a silence alert, and the times of its last lead and alert. Times in milliseconds; null: never. */
export interface Watched {
  tenant: string;
  project: string;
  silence: Silence;
  last: number | null;
  /** When the alert was set: silence counts from here at the earliest. */
  since: number;
  alerted: number | null;
}

export interface SilenceAlert {
  minutes: number;
  lastLeadAt: number | null;
}

/** The alert that is due now. None is due outside business hours, and only time within them counts as silence. */
export function silenceDue({ silence, last, since, alerted }: Watched, now: number): SilenceAlert | null {
  if (alerted !== null && now - alerted < silence.cooldownMinutes * minuteMs) return null;
  const opened = openedAt(silence, now);
  if (opened === null) return null;
  const quiet = Math.floor((now - Math.max(last ?? 0, since, opened)) / minuteMs);
  return quiet >= silence.minutes ? { minutes: Math.floor((now - (last ?? since)) / minuteMs), lastLeadAt: last } : null;
}

/** When the current business hours began; 0 when none are set; null outside of them. Milliseconds. */
function openedAt({ businessHours, zone, timezone = zone ?? "UTC" }: Silence, now: number): number | null {
  if (businessHours === undefined || businessHours === false) return 0;
  const { from, to, days } = businessHours === true ? { from: "09:00", to: "18:00", days: undefined } : businessHours;
  const { day, minutes } = clockOf(timezone, now);
  const [start, end] = [minutesOf(from), minutesOf(to)];
  const overnight = end <= start;
  const early = overnight && minutes < end;
  if (!(overnight ? minutes >= start || early : minutes >= start && minutes < end)) return null;
  const openDay = early ? (day === 1 ? 7 : day - 1) : day;
  if (days && !days.includes(openDay)) return null;
  return now - (early ? minutes + 24 * 60 - start : minutes - start) * minuteMs;
}

/** Weekday (1 is Monday) and minutes since midnight in the time zone. */
function clockOf(zone: string, now: number): { day: number; minutes: number } {
  const [date = "", time = ""] = localTime(now, zone).split("T");
  return { day: new Date(date).getUTCDay() || 7, minutes: minutesOf(time.slice(0, 5)) };
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

/** Projects with a silence alert, by a partial index of those. */
async function watched(db: D1Database, after: { tenant: string; project: string } | null, limit: number): Promise<Watched[]> {
  const sql = `
    SELECT p.tenant, p.project, p.settings ->> '$.silence' AS silence, s.last, coalesce(s.since, p.updated) AS since, s.alerted
    FROM projects p LEFT JOIN lead_silence s ON s.tenant = p.tenant AND s.project = p.project
    WHERE p.settings ->> '$.silence' IS NOT NULL AND (p.tenant, p.project) > (?1, ?2) ORDER BY p.tenant, p.project LIMIT ?3`;
  type Row = Omit<Watched, "silence"> & { silence: string };
  const { results } = await statement(db, sql, after?.tenant ?? "", after?.project ?? "", limit).all<Row>();
  return results.map((row) => ({ ...row, silence: JSON.parse(row.silence) as Silence }));
}

/** A silence to report. Its key is the same on every tick, so it is reported once. */
export interface Silent {
  watched: Watched;
  alert: SilenceAlert;
  key: string;
}

interface SilenceDeps {
  db: D1Database;
  /** Enqueues the alerts; returns whether each was accepted. Never throws for a single one. */
  alert(silent: readonly Silent[]): Promise<readonly boolean[]>;
}

const pageSize = 200;

/** The tick's step. It enqueues an alert before it records it, so that none is lost. A refused one is tried again and does not delay the others. */
export async function reportSilence({ db, alert }: SilenceDeps, now: number): Promise<{ watched: number; alerts: number; refused: number }> {
  const count = { watched: 0, alerts: 0, refused: 0 };
  for (let page = await watched(db, null, pageSize); page.length > 0; page = await watched(db, page.at(-1) ?? null, pageSize)) {
    count.watched += page.length;
    const silent = page.flatMap((each) => silentNow(each, now));
    if (silent.length === 0) continue;
    const receipts = await alert(silent);
    const accepted = silent.filter((_, index) => receipts[index]);
    count.alerts += await markAlerted(db, accepted, now);
    count.refused += silent.length - accepted.length;
  }
  return count;
}

function silentNow(watched: Watched, now: number): Silent[] {
  const alert = silenceDue(watched, now);
  const { project, alerted, last, since } = watched;
  return alert ? [{ watched, alert, key: `silence-${project}-${alerted ?? 0}-${last ?? 0}-${since}` }] : [];
}

/** Begins the cooldowns; returns how many alerts no other tick had recorded. */
async function markAlerted(db: D1Database, silent: readonly Silent[], now: number): Promise<number> {
  const sql = `
    INSERT INTO lead_silence (tenant, project, last, since, alerted) SELECT value ->> 0, value ->> 1, NULL, value ->> 2, ?2 FROM json_each(?1) WHERE true
    ON CONFLICT (tenant, project) DO UPDATE SET alerted = excluded.alerted WHERE alerted IS NULL OR alerted < excluded.alerted`;
  const list = silent.map(({ watched: { tenant, project, since } }) => [tenant, project, since]);
  return changes(db, sql, JSON.stringify(list), now);
}
