import type { Ran } from "./run.ts";
import { sentenceOf } from "./schedule.ts";

const most = 20;

export function scheduleText({ schedule }: Pick<Ran, "schedule">): string {
  const lines = schedule.faults.map((fault, index) => `  ${index}. ${sentenceOf(fault)}`);
  return [
    `Seed ${schedule.seed}, rows ${schedule.mode === "local" ? "before the message" : "on demand"}, ${(schedule.length / 1000).toFixed(0)} s:`,
    ...lines,
  ].join("\n");
}

/** A run in figures, as a line of `--out` has them. */
export function figuresOf({ schedule, evidence, seconds }: Ran) {
  const { sending, ledger, observed, spans } = evidence;
  return {
    seed: schedule.seed,
    mode: schedule.mode,
    seconds: Math.round(seconds),
    posted: sending.posted.length,
    accepted: sending.posted.filter(({ fate }) => fate === "accepted").length,
    rows: ledger.rows.size,
    calls: observed.calls,
    faults: Object.fromEntries([...Map.groupBy(spans, ({ fault }) => fault.is)].map(([is, all]) => [is, all.length])),
  };
}

/** What a run was, and its verdict. */
export function verdictText({ evidence, verdict, seconds }: Ran): string {
  const { sending, observed, ledger, rest } = evidence;
  const fates = tally(sending.posted.map(({ fate }) => fate));
  const states = tally([...ledger.rows.values()].map(({ state }) => state));
  const letters = tally(
    [...ledger.rows.values()]
      .filter(({ state }) => state === "dead" || state === "discarded")
      .map(({ type, reason }) => `${type}: ${reason?.replaceAll(/\d[\dTZ:.-]{9,}/g, "…").slice(0, 80)}`),
  );
  return [
    `  posted: ${fates}; answers: ${[...sending.statuses].map(([status, n]) => `${status || "none"} × ${n}`).join(", ")}`,
    `  ledger: ${states}; provider calls: ${observed.calls}; clock forward ${(rest.passed / 60_000).toFixed(0)} min; ${seconds.toFixed(0)} s`,
    ...(letters === "" ? [] : [`  dead letters: ${letters}`]),
    ...listed("delivered again (at least once, explained)", verdict.doubts, 3),
    ...listed("WRONG", verdict.wrong, most),
    verdict.wrong.length === 0 ? "  holds" : `  BROKEN: ${verdict.wrong.length} findings`,
  ].join("\n");
}

function listed(title: string, all: readonly string[], shown: number): string[] {
  if (all.length === 0) return [];
  return [`  ${title}: ${all.length}`, ...all.slice(0, shown).map((each) => `    ${each}`)];
}

function tally(all: readonly string[]): string {
  return [...Map.groupBy(all, (each) => each)]
    .toSorted(([, one], [, other]) => other.length - one.length)
    .slice(0, 12)
    .map(([name, group]) => `${name} × ${group.length}`)
    .join(", ");
}
