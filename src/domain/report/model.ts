/** Something an operator can do about it, as a call of the API. */
export interface RemedyCall {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  label: string;
  /** The body of the call, where it needs one. */
  body?: Readonly<Record<string, unknown>>;
}

/** Why a job does not run. Times in milliseconds. */
export interface Why {
  code: WhyCode;
  /** One sentence with numbers, for a person. */
  sentence: string;
  since: number | null;
  /** When it goes on, or ends, by itself. */
  until?: number | undefined;
  actions: readonly RemedyCall[];
}

type WhyCode =
  | "ready"
  | "scheduled"
  | "retrying"
  | "waiting"
  | "approval"
  | "paced"
  | "paused"
  | "circuit-open"
  | "at-limit"
  | "rate-limited"
  | "gate-unreachable"
  | "site-paused"
  | "no-worker"
  | "tenant-heavy"
  | "dead"
  | "discarded";

/** Harm: `critical` loses work or stands still, `warning` will, `info` is known and may be wanted. */
export const severities = ["critical", "warning", "info"] as const;

export type Severity = (typeof severities)[number];

/** One thing that needs a person. */
export interface Finding {
  code: string;
  severity: Severity;
  sentence: string;
  /** Milliseconds; null: not known. */
  since: number | null;
  /** Jobs, rows or runs it is about. */
  count: number;
  /** What it is about: `queue/email-sending`, `gate/mail`, `group/…`, `schedule/…`, `site/…`. */
  subject: string;
  /** `*`: the installation. */
  tenant: string;
  /** The type of the jobs of a failure group. */
  type?: string;
  actions: readonly RemedyCall[];
}

/** By harm, then by count, code and subject: the same facts give the same order. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const rank = ({ severity }: Finding) => severities.indexOf(severity);
  const text = ({ code, tenant, subject }: Finding) => `${code} ${tenant} ${subject}`;
  return findings.toSorted((left, right) => rank(left) - rank(right) || right.count - left.count || (text(left) < text(right) ? -1 : 1));
}

export function isoSeconds(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
