/** A cron pattern in plain English: `At 02:30, only on Monday`. The pattern must be valid; one that the library cannot describe is returned unchanged. */
export async function wordsOf(cron: string): Promise<string> {
  const { default: cronstrue } = await import("cronstrue");
  try {
    return cronstrue.toString(cron, { use24HourTimeFormat: true });
  } catch {
    return cron;
  }
}
