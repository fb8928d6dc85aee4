import type { Schedule } from "./schedule";

/** Seconds a schedule of this name is moved back by, the same at each run: 0 to spreadSeconds. */
export function spreadOf(schedule: Pick<Schedule, "tenant" | "name" | "spreadSeconds">): number {
  let hash = 0x811c9dc5;
  for (const character of `${schedule.tenant}/${schedule.name}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % (schedule.spreadSeconds + 1);
}
