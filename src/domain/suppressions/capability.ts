import type { HashAddress, SuppressionReason } from "./model";
import { createSuppressionQueries } from "./queries";
import type { MakeUnsubscribeUrl } from "./unsubscribe";

/** A recipient without a mail, and why. */
export interface Skipped {
  /** The address as the job has it. */
  address: string;
  reason: SuppressionReason;
}

/** Suppressions, for jobs that send mail. */
export type Suppressions = ReturnType<typeof createSuppressions>;

declare module "../../queue/job" {
  interface Capabilities {
    suppressions: Suppressions;
  }
}

interface SuppressionDeps {
  db: D1Database;
  tenant: string;
  hash: HashAddress;
  urlOf: MakeUnsubscribeUrl;
}

export function createSuppressions({ db, tenant, hash, urlOf }: SuppressionDeps) {
  const queries = createSuppressionQueries(db, hash);
  return {
    /** Splits recipients into those to mail and those to skip. `bulk`: skips unsubscribed ones too. One round trip. */
    async split(recipients: readonly string[], bulk: boolean): Promise<{ to: string[]; skipped: Skipped[] }> {
      const reasons = await queries.reasons(tenant, recipients.map(bare), bulk);
      const skipped = recipients.flatMap((address, index): Skipped[] => {
        const reason = reasons[index];
        return reason ? [{ address, reason }] : [];
      });
      return { to: recipients.filter((_, index) => !reasons[index]), skipped };
    },
    /**
     * Headers of bulk mail to one recipient for the mail program's unsubscribe button (RFC 8058), and the address for a link in the text. Undefined where the
     * Worker's own address is not configured.
     */
    async unsubscribe(recipient: string, campaign?: string): Promise<{ url: string; headers: Record<string, string> } | undefined> {
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
