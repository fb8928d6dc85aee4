/** Stable: scripts may ask for them. docs/deploy.md explains each. */
export const findingIds = [
  "binding-extra",
  "binding-missing",
  "binding-nil-id",
  "consumer-extra",
  "consumer-foreign",
  "consumer-missing",
  "cron-extra",
  "cron-missing",
  "database-foreign",
  "database-missing",
  "dlq-missing",
  "do-update-pending",
  "host-missing",
  "jurisdiction-differs",
  "local-set",
  "migration-pending",
  "migration-unknown",
  "node-too-old",
  "payload-breaks",
  "queue-backlog",
  "queue-missing",
  "queue-paused",
  "queue-setting",
  "ratelimit-shared",
  "rule-missing",
  "rule-overlap",
  "secret-missing",
  "storage-missing",
  "subscription-missing",
  "token-lacks",
  "variable-differs",
  "worker-foreign",
  "worker-missing",
  "worker-outdated",
  "worker-setting",
] as const;
export type FindingId = (typeof findingIds)[number];

/** One thing in which registry, configuration and account do not agree. */
export interface Finding {
  id: FindingId;
  /** `note`: nothing to do; it does not count as a difference. */
  severity: "error" | "warning" | "note";
  /** The resource it is about. */
  subject: string;
  sentence: string;
}

export function finding(id: FindingId, subject: string, sentence: string, severity: Finding["severity"] = "error"): Finding {
  return { id, severity, subject, sentence };
}

/** What a deploy cannot mend: it stops before anything is changed. */
const blocking = new Set<FindingId>([
  "consumer-foreign",
  "database-foreign",
  "worker-foreign",
  "jurisdiction-differs",
  "rule-overlap",
  "ratelimit-shared",
  "binding-nil-id",
]);

export function blockersIn(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ id, severity }) => blocking.has(id) && severity === "error");
}

/** Whether anything differs. */
export function differs(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity !== "note");
}
