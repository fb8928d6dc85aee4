import type { Stored } from "./store";
import type { Submission } from "./model";

type Counted = "lead-new" | "lead-returned" | "lead-repeated" | "lead-test" | "lead-bot";

export function countedAs({ kind }: Pick<Submission, "kind">, { follow }: Pick<Stored, "follow">): Counted {
  if (kind !== "lead") return `lead-${kind}`;
  return follow === "new" ? "lead-new" : follow === "again" ? "lead-returned" : "lead-repeated";
}

/** A point for Analytics Engine: no personal data, and of the source only what looks like a source's name. */
export function pointOf(tenant: string, submission: Submission, stored: Pick<Stored, "follow" | "suspicion">): AnalyticsEngineDataPoint {
  const { project, form, label, score } = submission;
  const source = form.source === undefined ? "none" : (sourceName(form.source) ?? "other");
  return { indexes: [tenant], blobs: ["lead", project, countedAs(submission, stored), label, source], doubles: [1, score, stored.suspicion] };
}

/** A form may send any text as its source: only a text that looks like a source's name is counted. */
export function sourceName(source: string | undefined): string | undefined {
  return source !== undefined && /^[A-Za-z][A-Za-z0-9 _.&+/-]{0,39}$|^\d{1,4}$/.test(source) && !/\d{5}/.test(source) ? source : undefined;
}
