/** A Bull schedule's times as a cron pattern of five fields, or why there is none. */
export type CronOrFault = { cron: string; note?: string } | { fault: string };

const macros: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Bull's patterns may begin with seconds. */
export function cronFromPattern(pattern: string): CronOrFault {
  const fields = (macros[pattern.trim().toLowerCase()] ?? pattern).trim().replaceAll("?", "*").split(/\s+/);
  if (fields.length === 5) return { cron: fields.join(" ") };
  if (fields.length !== 6) return { fault: `its pattern has ${fields.length} fields` };
  const [seconds = "", ...rest] = fields;
  if (/^\d{1,2}$/.test(seconds)) return { cron: rest.join(" "), ...(Number(seconds) === 0 ? {} : { note: `runs at second 0 instead of ${seconds}` }) };
  return { fault: "it runs several times a minute; a schedule of the product runs once a minute at most" };
}

/** `every` is in milliseconds. */
export function cronFromEvery(every: number): CronOrFault {
  const minutes = every / 60_000;
  const note = "the interval begins at the full minute, hour or day in UTC";
  if (!(minutes >= 1)) return { fault: `it runs every ${every} ms; a schedule of the product runs once a minute at most` };
  if (minutes === 1) return { cron: "* * * * *" };
  if (Number.isInteger(minutes) && minutes < 60 && 60 % minutes === 0) return { cron: `*/${minutes} * * * *`, note };
  const hours = minutes / 60;
  if (hours === 1) return { cron: "0 * * * *", note };
  if (Number.isInteger(hours) && hours < 24 && 24 % hours === 0) return { cron: `0 */${hours} * * *`, note };
  if (hours === 24) return { cron: "0 0 * * *", note };
  // Bull counts intervals from 1970, which began on a Thursday.
  if (hours === 168) return { cron: "0 0 * * 4", note };
  return { fault: `every ${every} ms is no cron pattern: it divides neither an hour nor a day` };
}
