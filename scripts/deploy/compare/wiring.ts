import type { Account } from "../account.ts";
import { type Finding, finding } from "../finding.ts";
import type { Wanted } from "../wanted.ts";
import { mailEvents, ruleState, subscriptionState, uploads } from "../wiring.ts";
import type { Comparison } from "./comparison.ts";

export function wiringFindings({ wanted, account, emailDomain }: Comparison): Finding[] {
  const bucket = uploads.bucketOf(wanted) ?? "";
  const { missing, overlapping } = ruleState(account.rules, uploads.queueOf(wanted), account.queues.get(uploads.queueOf(wanted))?.queue_id);
  const rule =
    overlapping.length > 0
      ? [
          finding(
            "rule-overlap",
            bucket,
            `The bucket "${bucket}" has notification rules that stand in the way: ${overlapping.join("; ")}. Remove them: R2 refuses two rules for one action.`,
          ),
        ]
      : missing.length > 0
        ? [finding("rule-missing", bucket, `The bucket "${bucket}" does not report ${missing.join(", ")} to the queue "${uploads.queueOf(wanted)}".`)]
        : [];
  return [...rule, ...subscriptionFindings(wanted, account, emailDomain)];
}

function subscriptionFindings(wanted: Wanted, account: Account, emailDomain: string | undefined): Finding[] {
  const hasMail = (wanted.configuration.send_email ?? []).length > 0 || (account.worker?.bindings ?? []).some(({ type }) => type === "send_email");
  if (!hasMail) return [];
  const queue = mailEvents.queueOf(wanted);
  const { found, missing } = subscriptionState(account.subscriptions, account.queues.get(queue)?.queue_id, emailDomain);
  if (found?.enabled && missing.length === 0) return [];
  const what = !found
    ? "There is no event subscription"
    : found.enabled
      ? `The event subscription lacks ${missing.join(", ")} and does not bring all it should`
      : "The event subscription is off";
  const sentence = `${what} from Email Sending${emailDomain ? ` for ${emailDomain}` : ""} to the queue "${queue}": bounces and complaints do not arrive. Deploy with --email-domain.`;
  return [finding("subscription-missing", queue, sentence, emailDomain ? "error" : "warning")];
}
