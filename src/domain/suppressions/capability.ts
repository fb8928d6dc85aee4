import type { HashAddress, SuppressionReason } from "./model";
import { createSuppressionQueries } from "./queries";
import type { MakeUnsubscribeUrl } from "./unsubscribe";

/** A recipient that gets no mail, and why. */
export interface Skipped {
  /** As the job has it. */
  address: string;
  reason: SuppressionReason;
}

/** What jobs that send mail ask before they do. */
export interface Suppressions {
  /** Recipients in two lists; `bulk`: those who unsubscribed are skipped too. One round trip. */
  split(recipients: readonly string[], bulk: boolean): Promise<{ to: string[]; skipped: Skipped[] }>;
  /** Headers of bulk mail to this one recipient, by which a mail program shows its own button (RFC 8058), and the address for a link in the text. None where this Worker does not know its own address. */
  unsubscribe(recipient: string, campaign?: string): Promise<{ url: string; headers: Record<string, string> } | undefined>;
}

declare module "../../queue/job" {
  interface Capabilities {
    suppressions: Suppressions;
  }
}

export interface SuppressionDeps {
  db: D1Database;
  tenant: string;
  hash: HashAddress;
  urlOf: MakeUnsubscribeUrl;
}

export function createSuppressions({ db, tenant, hash, urlOf }: SuppressionDeps): Suppressions {
  const queries = createSuppressionQueries(db, hash);
  return {
    async split(recipients, bulk) {
      const reasons = await queries.reasons(tenant, recipients.map(bare), bulk);
      const skipped = recipients.flatMap((address, index): Skipped[] => {
        const reason = reasons[index];
        return reason ? [{ address, reason }] : [];
      });
      return { to: recipients.filter((_, index) => !reasons[index]), skipped };
    },
    async unsubscribe(recipient, campaign) {
      const url = await urlOf({ tenant, address: bare(recipient), scope: "bulk", campaign });
      if (url === undefined) return undefined;
      return { url, headers: { "List-Unsubscribe": `<${url}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" } };
    },
  };
}

/** `Ada <a@b.example>` without the name. */
function bare(mailbox: string): string {
  return /<([^<>]*)>\s*$/.exec(mailbox)?.[1] ?? mailbox;
}
