import type { MailEvent } from "../../providers/mail/events/event";
import type { SuppressionReason, SuppressionScope } from "../suppressions/model";

/** The suppression that an event leads to; undefined for a transient one. */
export function suppressionOf({ kind, class: bounce }: Pick<MailEvent, "kind" | "class">): { reason: SuppressionReason; scope: SuppressionScope } | undefined {
  if (kind === "bounced") return bounce === "hard" ? { reason: "bounce", scope: "all" } : undefined;
  if (kind === "complained") return { reason: "complaint", scope: "all" };
  if (kind === "rejected") return bounce === "suppressed" ? { reason: "rejected", scope: "all" } : undefined;
  return kind === "unsubscribed" ? { reason: "unsubscribe", scope: "bulk" } : undefined;
}
