import { messageOf } from "../../errors";
import { redact } from "../../masking/redact";
import type { MailProviderName } from "../../providers/mail/mail";
import type { MailRecords } from "../../providers/mail/sender";
import type { ConnectionStore } from "../../tenants/connection";
import type { TenantGates } from "../../tenants/gates";
import type { SentStore } from "../mail-events/sent";
import type { SuppressionStore } from "../suppressions/store";

export interface MailRecordsDeps {
  suppressions: Pick<SuppressionStore, "add">;
  sent: Pick<SentStore, "record">;
  connections: Pick<ConnectionStore, "pause">;
  gates: Pick<TenantGates, "hold">;
  /** How long a provider that refused for its configuration is not called. Milliseconds. */
  pauseMs: number;
  /** Logs a failed record, or that a provider is paused. */
  report(where: string, reason: string): void;
  now(): number;
}

/**
 * The records of a tenant's sending. A failed write is logged and does not throw: the mail is sent, and the job must not send it again.
 * `gateOf`: the gate of a provider.
 */
export function createMailRecords(deps: MailRecordsDeps, tenant: string, gateOf: (provider: MailProviderName) => string): MailRecords {
  const { suppressions, sent, connections, gates, pauseMs, report, now } = deps;
  const recorded = (what: string, write: Promise<unknown>) =>
    write.then(
      () => undefined,
      (thrown: unknown) => report(`mail ${what}`, messageOf(thrown)),
    );
  return {
    suppress: (addresses) => {
      const all = addresses.map((address) => ({ address, scope: "all" as const, reason: "rejected" as const }));
      return recorded("suppression", suppressions.add(tenant, all, now()));
    },
    sent: (mails) => {
      const rows = mails.flatMap(({ about, ...mail }) => (about ? [{ ...mail, ...about }] : []));
      return recorded("record", sent.record(tenant, rows, now()));
    },
    async pause(provider, reason) {
      await gates.hold(tenant, gateOf(provider), now() + pauseMs, now(), redact(reason));
      await recorded("pause", connections.pause(tenant, "mail", provider, { reason, since: now() }));
      report(`connection mail (${provider})`, `paused: ${reason}`);
    },
    unpause: (provider) => recorded("pause", connections.pause(tenant, "mail", provider, null)),
  };
}
