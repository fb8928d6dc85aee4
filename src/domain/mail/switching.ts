import type { Mail, MailProviderName } from "../../providers/mail/mail";
import type { Switching } from "../../providers/mail/sender";
import type { CallResult, GateReport } from "../../queue/ports/gates";
import type { TenantGates } from "../../tenants/gates";
import type { SentStore } from "../mail-events/sent";

/** Results of one run's calls, by provider. */
export type ProviderCalls = Map<MailProviderName, GateReport>;

export interface SwitchingDeps {
  sent: Pick<SentStore, "begin" | "clear">;
  gates: Pick<TenantGates, "enter" | "leave">;
  now(): number;
}

/** A lease, longer than any call. */
const leaseMs = 120_000;
/** The wait after a gate could not be reached. */
const unreachableMs = 15_000;

/** The circuits of a tenant's providers, each with a gate of its own such as `mail-resend`, and the record of which of them may have a mail. */
export function createSwitching({ sent, gates, now }: SwitchingDeps, tenant: string, calls: ProviderCalls): Switching {
  const id = crypto.randomUUID();
  return {
    async enter(provider) {
      calls.delete(provider);
      const [entry] = await gates.enter(tenant, `mail-${provider}`, [id], leaseMs, now());
      return entry?.granted ? { lease: entry.lease } : { until: entry?.until ?? now() + unreachableMs };
    },
    leave: (provider, lease, how) => gates.leave(tenant, `mail-${provider}`, [{ id, lease, calls: how }], now()),
    calls: (provider) => calls.get(provider) ?? "none",
    begin: (key, holder) => sent.begin(tenant, key, holder, now()),
    clear: (key) => sent.clear(tenant, key),
  };
}

/**
 * Reports to the gate `mail` after each mail: an answer of any provider, and a failure only when all providers failed. While one provider
 * works, jobs continue.
 */
export function reportingCalls(mail: Mail, calls: ProviderCalls, providers: number, onResult: (call: CallResult) => void): Mail {
  const report = () => {
    const all = [...calls.values()];
    if (all.includes("answered")) onResult("answered");
    else if (all.length === providers && all.every((each) => each === "transient")) onResult("transient");
  };
  const { sendBatch } = mail;
  return {
    ...mail,
    send: (message, options) => mail.send(message, options).finally(report),
    sendBatch: sendBatch && ((messages, options) => sendBatch(messages, options).finally(report)),
  };
}
