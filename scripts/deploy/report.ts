import type { Finding, FindingId } from "./finding.ts";

/** What was, or would be, done about one resource. */
export interface Step {
  name: string;
  state: "same" | "create" | "change" | "extra" | "failed";
  detail?: string;
}

/** What a run ends with. */
export interface Report {
  env: string;
  steps: Step[];
  findings: Finding[];
  /** The version that was uploaded. */
  version_id: string | null;
  /** What to know beyond steps and findings, one sentence each. */
  notes: string[];
  /** Why it stopped. */
  error?: string;
}

/**
 * 0 in agreement, or done · 1 something differs · 2 wrong use · 3 not authenticated, or a permission is missing ·
 * 4 failed midway: running it again is safe.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

const marks: Record<Step["state"], string> = { same: "  same  ", create: "+ create", change: "~ change", extra: "! extra ", failed: "x FAILED" };

export function stepLine({ name, state, detail }: Step): string {
  return `${marks[state]}  ${name}${detail ? `  (${detail})` : ""}`;
}

export function findingLine({ id, severity, sentence }: Finding): string {
  return `${severity.padEnd(7)}  ${id}: ${sentence}`;
}

/** Text for a person as it goes, or one JSON object at the end. Everything else, wrangler's words too, goes to stderr. */
export interface Output {
  step(step: Step): void;
  line(text: string): void;
  progress(text: string): void;
  end(report: Report): void;
}

/** What a plan's steps contain already. */
const inSteps = new Set<FindingId>([
  "database-missing",
  "storage-missing",
  "queue-missing",
  "dlq-missing",
  "worker-missing",
  "consumer-missing",
  "cron-missing",
  "rule-missing",
]);

export function outputTo({ json, plan }: { json: boolean; plan: boolean }, out: (text: string) => void, err: (text: string) => void): Output {
  const say = json ? () => undefined : out;
  return {
    step: (step) => say(stepLine(step)),
    line: (text) => say(text),
    progress: (text) => (json ? err(text) : out(text)),
    end: (report) => {
      if (json) return out(JSON.stringify(report, null, 2));
      for (const each of report.findings.filter(({ id }) => !plan || !inSteps.has(id))) out(findingLine(each));
      for (const note of report.notes) out(note);
      if (report.error) err(report.error);
    },
  };
}
