import * as v from "valibot";
import { boundedList, boundedName, boundedText } from "../../bounded";
import { type Severity, severities } from "../report/model";
import type { Alert } from "./model";

/** Findings that an alert may be about: those of `GET /v1/report`. */
export const alertCodes = [
  "failed",
  "retrying",
  "campaign-failed",
  "campaign-stalled",
  "circuit-open",
  "paused",
  "stuck",
  "behind",
  "schedule-failed",
  "schedule-skipped",
  "site-paused",
  "site-unreadable",
  "receiver-off",
  "no-worker",
  "budget",
  "tick-failing",
  "heartbeat-failing",
  "ledger-full",
] as const;

const codeRule = `must be one of ${alertCodes.join(", ")}`;
const address = boundedText(254, { pattern: /^[^\s@,;<>]{1,64}@[^\s@,;<>]{1,189}$/, rule: "must be an address" });

/** Body of `PUT /v1/alert-rules/{name}`: which findings go to which channels. A channel gets what any rule sends it, once. */
export const ruleSchema = v.pipe(
  v.strictObject({
    codes: v.optional(v.pipe(boundedList(v.picklist(alertCodes, codeRule), alertCodes.length, { min: 1 }), v.description("Default: all"))),
    minSeverity: v.optional(v.picklist(["critical", "warning"], "must be critical or warning"), "warning"),
    types: v.optional(v.pipe(boundedList(boundedName(), 50, { min: 1 }), v.description("Of jobs; default: all"))),
    slack: v.optional(v.boolean(), false),
    email: v.optional(boundedList(address, 10), []),
    destination: v.optional(boundedName("must be the name of a destination")),
    enabled: v.optional(v.boolean(), true),
  }),
  v.check(({ slack, email, destination }) => slack || email.length > 0 || destination !== undefined, "must name a channel: slack, email or destination"),
);

export type AlertRule = v.InferOutput<typeof ruleSchema>;

/** Rules that a tenant may have. */
export const maxRules = 20;

/** A rule as it is kept. Times in milliseconds. */
export interface NamedRule extends AlertRule {
  name: string;
  created: number;
  updated: number;
}

/** The cause of an alert, as in the finding of the report: `dead-letters/{group}`, `tick/{step}` or `finding/{severity}/{code}/{subject}`. */
export function causeOf(cause: string): { code: string; severity: Severity; subject: string } {
  const [kind = "", ...rest] = cause.split("/");
  const name = rest.join("/");
  if (kind === "finding") {
    const [severity, code = "", ...subject] = rest;
    return { code, severity: severities.find((each) => each === severity) ?? "warning", subject: subject.join("/") };
  }
  const [code, about] = otherKinds[kind] ?? ["failed", "group"];
  return { code, severity: "critical", subject: `${about}/${name}` };
}

/** Causes that are no findings of the report: the code, and what it is about. */
const otherKinds: Readonly<Record<string, readonly [code: string, about: string]>> = {
  "no-worker": ["no-worker", "type"],
  "offers-void": ["no-worker", "worker"],
  tick: ["tick-failing", "tick"],
};

/** Whether a rule matches an alert. */
export function wants({ enabled, codes, types, minSeverity }: AlertRule, { cause, subject }: Pick<Alert, "cause" | "subject">): boolean {
  const { code, severity } = causeOf(cause);
  if (!enabled || severities.indexOf(severity) > severities.indexOf(minSeverity)) return false;
  if (codes && !codes.some((each) => each === code)) return false;
  return !types || types.includes(subject.replace(/^type\//, ""));
}
