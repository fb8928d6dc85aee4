import { pastCircuitSentence } from "../report/gate-why";
import type { RemedyCall, Finding } from "../report/model";
import type { Alert } from "./model";
import { causeOf } from "./rule";
import { minuteMs } from "../../time/day";

/** An alert as the report has it now. `count` and `since` of an open one are those of its finding; without a finding they are what the ticks found, since its first failure. */
export interface CurrentAlert extends Alert {
  /** The sentence of the finding now, for an open alert; else the newest reason. */
  sentence: string;
  /** When an open alert whose finding is not in the report was last seen, milliseconds. Else null. */
  notSeenSince: number | null;
  /** What helps against its finding. */
  actions: readonly RemedyCall[];
}

/** What no finding covers is read in each tick. Milliseconds. */
const maxTickGapMs = 3 * minuteMs;

/** Joins an alert with the findings of the same tenant, or (`*`) of the installation. */
export function currentOf(alert: Alert, findings: readonly Finding[], now: number): CurrentAlert {
  const finding = alert.state === "open" ? findingOf(alert, findings) : undefined;
  if (finding) {
    const { sentence, count, since, actions } = finding;
    return { ...alert, sentence, count, since: since ?? alert.firstAt, notSeenSince: null, actions };
  }
  const isGone = alert.state === "open" && !isSeenByTick(alert, now);
  const sentence = causeOf(alert.cause).code === "circuit-open" ? pastCircuitSentence(alert.reason) : alert.reason;
  return { ...alert, since: alert.firstAt, sentence, notSeenSince: isGone ? alert.lastAt : null, actions: [] };
}

/** Whatever severity it has now. */
function findingOf({ tenant, cause }: Alert, findings: readonly Finding[]): Finding | undefined {
  const { code, subject } = causeOf(cause);
  return findings.find((finding) => finding.tenant === tenant && finding.code === code && finding.subject === subject);
}

function isSeenByTick({ cause, lastAt }: Alert, now: number): boolean {
  return cause.startsWith("offers-void/") && now - lastAt <= maxTickGapMs;
}
