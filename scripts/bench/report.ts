// Used by npm run bench: figures with their spread and goal, as lines, Markdown and JSON.
import { describeMachine, type Machine } from "./machine.ts";

export interface Figure {
  what: string;
  unit: string;
  /** One value for each round. Empty: it was not measured, and `note` has the reason. */
  rounds: readonly number[];
  /** The goal in words, and whether the median reaches it. */
  goal?: { text: string; holds(median: number): boolean };
  note?: string;
}

export interface Section {
  key: string;
  title: string;
  /** How it was measured. */
  how: string;
  figures: readonly Figure[];
}

export interface Report {
  at: string;
  commit: string;
  command: string;
  machine: Machine;
  sections: readonly Section[];
}

export function atLeast(goal: number, text: string): Figure["goal"] {
  return { text, holds: (median) => median >= goal };
}

export function atMost(goal: number, text: string): Figure["goal"] {
  return { text, holds: (median) => median <= goal };
}

export function notMeasured(what: string, why: string): Figure {
  return { what, unit: "", rounds: [], note: `not measured: ${why}` };
}

/** Of an even number of values the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/** Round by round, so that what else the machine did in that round hits both. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.flatMap((value, index) => (under[index] === undefined ? [] : [value / under[index]]));
}

export function asText({ title, figures }: Section): string {
  const lines = figures.map((figure) => {
    const { value, spread, goal } = cellsOf(figure);
    return `  ${figure.what.padEnd(58)} ${value.padStart(14)}  ${spread.padEnd(20)} ${goal}${figure.note ? `  (${figure.note})` : ""}`.trimEnd();
  });
  return [title, ...lines].join("\n");
}

export function asMarkdown({ at, commit, command, machine, sections }: Report): string {
  const parts = sections.map(({ title, how, figures }) => {
    const rows = figures.map((figure) => {
      const { value, spread, goal } = cellsOf(figure);
      return `| ${[figure.what, value, spread, goal, figure.note ?? ""].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    });
    return [`## ${title}`, "", how, "", "| what | median | lowest to highest | goal | note |", "|---|---|---|---|---|", ...rows].join("\n");
  });
  const head = [
    "# Benchmarks",
    "",
    `Written by \`${command}\` at ${at}, commit ${commit}. Figures of one run on one machine: compare them with each other, not with those of another machine.`,
    "",
    describeMachine(machine),
  ].join("\n");
  return `${[head, ...parts].join("\n\n")}\n`;
}

/** With each figure's median and whether its goal holds, for programs. */
export function asJson(report: Report): string {
  const sections = report.sections.map((section) => ({
    ...section,
    figures: section.figures.map(({ goal, ...figure }) => ({
      ...figure,
      ...(figure.rounds.length > 0 ? { median: median(figure.rounds) } : {}),
      ...(goal ? { goal: goal.text, holds: figure.rounds.length > 0 && goal.holds(median(figure.rounds)) } : {}),
    })),
  }));
  return `${JSON.stringify({ ...report, sections }, null, 2)}\n`;
}

function cellsOf({ unit, rounds, goal }: Figure): { value: string; spread: string; goal: string } {
  if (rounds.length === 0) return { value: "–", spread: "", goal: goal?.text ?? "" };
  const middle = median(rounds);
  const spread = rounds.length < 2 ? "" : `${asNumber(Math.min(...rounds))} to ${asNumber(Math.max(...rounds))}`;
  return { value: `${asNumber(middle)} ${unit}`.trim(), spread, goal: goal ? `${goal.text}: ${goal.holds(middle) ? "yes" : "NO"}` : "" };
}

/** Three digits that mean something. */
function asNumber(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: value >= 1000 ? 4 : 3 });
}
