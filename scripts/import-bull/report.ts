import type { Finished } from "./finish.ts";
import type { NamePlan, QueuePlan } from "./plan.ts";
import type { Queue } from "./queue.ts";
import { type Reason, reasons } from "./request.ts";
import type { RolledBack } from "./rollback.ts";
import type { BullSchedule } from "./schedules.ts";
import type { Left, Tally } from "./tally.ts";
import type { Refusal } from "./claimed.ts";

/** The report's parts in Markdown, a line each. */
export type Lines = string[];

export function planLines(plan: QueuePlan, policies: ReadonlyMap<string, number>): Lines {
  const { queue, counts, taken, names, schedules, notes } = plan;
  const states = Object.entries(counts).filter(([, count]) => count > 0);
  const named = [...names].toSorted(([a], [b]) => a.localeCompare(b));
  return [
    ...heading(queue),
    "",
    ...(states.length === 0
      ? ["No jobs."]
      : table(
          ["state", "jobs"],
          states.map(([state, count]) => [state, number(count)]),
        )),
    ...(taken.claimed + taken.done + taken.refused > 0
      ? ["", `Taken earlier: ${number(taken.done)} accepted, ${number(taken.refused)} refused, ${number(taken.claimed)} not answered yet.`]
      : []),
    ...(counts.completed + counts.failed > 0 ? ["", "Completed jobs are not taken; failed ones become dead letters with `--failed`."] : []),
    ...(counts["waiting-children"] > 0 ? ["", "Parents in waiting-children are finished by the old workers."] : []),
    ...(plan.lastDue > 0 ? ["", `The last delayed job is due at ${new Date(plan.lastDue).toISOString()}.`] : []),
    ...notes.flatMap((note) => ["", note]),
    ...(named.length > 0 ? ["", ...table(["name", "jobs", "can be taken", "becomes", "largest data", "oldest"], named.map(nameRow))] : []),
    ...named.flatMap(([name, of]) => nameNotes(name, of, policies)),
    ...namedLeft(named),
    ...scheduleLines(schedules),
    ...skeleton(queue, named),
  ];
}

export function takeLines(queue: Queue, tally: Tally, refused: ReadonlyMap<string, Refusal>, counts: Record<string, number>, errors: readonly string[]): Lines {
  const places = ["wait", "paused", "prioritized", "delayed", "active"].filter((place) => (counts[place] ?? 0) > 0);
  return [
    ...heading(queue),
    "",
    `Accepted by the product: ${number(tally.accepted)}${tally.abandoned > 0 ? ` (${number(tally.abandoned)} of them of dead workers)` : ""}. Refused: ${number(tally.refused)}. Left: ${places.map((place) => `${number(counts[place]!)} ${place}`).join(", ") || "nothing"}.`,
    ...errors.map((error) => `\n**${error}**`),
    ...refusedLines(refused),
    ...leftLines(tally.left),
  ];
}

export function rollbackLines(queue: Queue, { restored, stay, uncertain, isFinished }: RolledBack): Lines {
  return [
    ...heading(queue),
    "",
    isFinished ? "**It was finished: nothing can be put back.**" : `Put back: ${number(restored)}.`,
    ...(stay.size > 0
      ? [
          "",
          ...table(
            ["stay in the product, because", "jobs"],
            [...stay].map(([why, count]) => [why, number(count)]),
          ),
        ]
      : []),
    ...(uncertain.length > 0
      ? [
          "",
          `**Of ${number(uncertain.length)} jobs it is unknown whether the product has them** (${uncertain.slice(0, 5).map(code).join(", ")}${uncertain.length > 5 ? ", …" : ""}). Look there; \`--rollback --uncertain\` puts them back.`,
        ]
      : []),
  ];
}

export function finishLines(queue: Queue, { done, left, schedules }: Finished, dropped: number | undefined): Lines {
  return [
    ...heading(queue),
    "",
    done ? "Finished: the queue stayed empty at three looks over a minute. A rollback is no longer possible." : `**Not finished**: ${left}`,
    ...(schedules.length > 0
      ? [
          "",
          ...table(
            ["schedule", "now"],
            schedules.map(({ label, name, tenant }) => [label, `${code(name)} of ${tenant}`]),
          ),
        ]
      : []),
    ...(dropped === undefined ? [] : ["", `Removed from Redis: the hashes of ${number(dropped)} jobs.`]),
  ];
}

function heading({ name, library, major, paused }: Queue): Lines {
  return ["", `## ${name}`, "", `${library === "bull" ? "Bull 4" : `BullMQ ${major || "(version unknown)"}`}${paused ? ", paused" : ""}`];
}

function nameRow([name, of]: [string, NamePlan]): string[] {
  const targets = [...of.targets].toSorted(([, a], [, b]) => b - a);
  const shown = targets.slice(0, 3).map(([target, count]) => `${target} (${number(count)})`);
  const rest = targets.length > 3 ? `, and ${number(targets.length - 3)} more` : "";
  return [
    code(name),
    number(of.jobs),
    number(of.takeable),
    shown.join(", ") + rest || "–",
    of.maxBytes > 0 ? `${number(of.maxBytes)} B` : "–",
    Number.isFinite(of.oldest) ? new Date(of.oldest).toISOString() : "–",
  ];
}

function nameNotes(name: string, of: NamePlan, policies: ReadonlyMap<string, number>): Lines {
  const types = [...new Set([...of.targets.keys()].map((target) => target.slice(0, target.indexOf(" "))))];
  const differing = types.flatMap((type) =>
    [...of.attempts]
      .filter(([attempts]) => policies.has(type) && policies.get(type) !== attempts)
      .map(
        ([attempts, count]) =>
          `${number(count)} ask for ${attempts} attempts, ${type} has ${policies.get(type)}: ${attempts < (policies.get(type) ?? 0) ? "they keep theirs" : `they get ${policies.get(type)}, fewer than they ask for`}`,
      ),
  );
  const notes = [
    ...differing,
    ...(of.backoff > 0 ? [`${number(of.backoff)} have a backoff of their own, that of the type counts`] : []),
    ...(of.tried > 0 ? [`${number(of.tried)} were tried before, and have as many attempts left as there, one at least`] : []),
    ...(of.dedup > 0 ? [`${number(of.dedup)} have a deduplication id, and a second one may come while the first is open in the product`] : []),
  ];
  return notes.length > 0 ? ["", `${code(name)}: ${notes.join("; ")}.`] : [];
}

function namedLeft(named: readonly [string, NamePlan][]): Lines {
  const rows = named.flatMap(([name, { tally }]) => [...tally.left].map(([reason, left]) => [code(name), ...leftRow(reason, left)]));
  return rows.length > 0 ? ["", ...table(["name", "not taken, because", "jobs", "for example"], rows)] : [];
}

function leftLines(left: ReadonlyMap<Reason, Left>): Lines {
  return left.size > 0
    ? [
        "",
        ...table(
          ["not taken, because", "jobs", "for example"],
          [...left].map(([reason, each]) => leftRow(reason, each)),
        ),
      ]
    : [];
}

function leftRow(reason: Reason, { count, examples, details }: Left): string[] {
  return [reasons[reason] + (details.size > 0 ? `: ${[...details].join("; ")}` : ""), number(count), examples.map(code).join(", ")];
}

function refusedLines(refused: ReadonlyMap<string, Refusal>): Lines {
  const groups = Map.groupBy(refused, ([, { code, detail }]) => `${code}: ${detail}`);
  if (groups.size === 0) return [];
  const rows = [...groups].slice(0, 20).map(([why, all]) => [
    why,
    number(all.length),
    all
      .slice(0, 5)
      .map(([id]) => code(id))
      .join(", "),
  ]);
  return [
    "",
    "Refused jobs are out of the queue and kept in Redis: mend the map and take again, or put them back with `--rollback`.",
    "",
    ...table(["refused by the product", "jobs", "for example"], rows),
  ];
}

function scheduleLines(schedules: readonly BullSchedule[]): Lines {
  if (schedules.length === 0) return [];
  return [
    "",
    "Schedules, taken over by `--finish`:",
    ...schedules.flatMap(({ label, ours }) => [
      "",
      ...("fault" in ours ? [`- ${label}: **cannot be taken over**: ${ours.fault}.`] : scheduleText(label, ours)),
    ]),
  ];
}

function scheduleText(label: string, { tenant, name, body, notes }: Exclude<BullSchedule["ours"], { fault: string }>): Lines {
  const text = JSON.stringify(body, null, 2).split("\n");
  return [
    `- ${label}${notes.map((note) => `; ${note}`).join("")}. For ${tenant}, \`PUT /v1/schedules/${name}\`:`,
    "",
    "  ```json",
    ...text.map((line) => `  ${line}`),
    "  ```",
  ];
}

/** Entries to fill in for names that the map lacks. */
function skeleton(queue: Queue, named: readonly [string, NamePlan][]): Lines {
  const missing = named
    .filter(([, { tally }]) => tally.left.has("unmapped"))
    .map(([name]) => ({ queue: queue.name, name, type: "…", tenant: { path: "data.…" } }));
  if (missing.length === 0) return [];
  return ["", "Entries for the map, to fill in:", "", "```json", JSON.stringify(missing, null, 2), "```"];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): Lines {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function code(text: string): string {
  return `\`${text.replaceAll("`", "'")}\``;
}

function number(value: number): string {
  return value.toLocaleString("en");
}
