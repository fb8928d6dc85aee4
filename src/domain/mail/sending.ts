import type { Mail, MailProvider } from "../../providers/mail/mail";
import type { ProviderRoute, SenderOptions } from "../../providers/mail/sender";
import type { CallResult } from "../../queue/ports/gates";
import type { PausedProviders } from "../../tenants/connection";
import { holderOf, type MailConnection, type MailRoute } from "../../tenants/mail-connection";
import type { SentStore } from "../mail-events/sent";
import { createMailRecords, type MailRecordsDeps } from "./records";
import { createSwitching, type ProviderCalls, reportingCalls, type SwitchingDeps } from "./switching";

/** How a provider is called. */
export interface ProviderCalling {
  onResult(call: CallResult): void;
  /** Milliseconds; undefined: the usual one. */
  timeLimit: number | undefined;
}

interface SendingDeps extends MailRecordsDeps, SwitchingDeps {
  sent: MailRecordsDeps["sent"] & SwitchingDeps["sent"] & Pick<SentStore, "holder">;
  gates: MailRecordsDeps["gates"] & SwitchingDeps["gates"];
  providerOf(route: MailRoute, calling: ProviderCalling): MailProvider;
  createMail(options: SenderOptions): Mail;
}

/** A tenant's connection as it is opened for a job. */
interface SendingScope {
  tenant: string;
  connection: MailConnection;
  paused: PausedProviders;
  /** When the connection was set. Milliseconds. */
  updated: number;
  /** The tenant's sender, where the connection names none. */
  from: string | undefined;
  /** When the job was enqueued. Milliseconds. */
  jobAt: number;
  onResult(call: CallResult): void;
}

/** Time limit of a call to one of two providers, so that both fit a run. Milliseconds. */
const maxMsOfTwo = 12_000;
/** Clocks differ, and a connection is stored seconds after its `updated`: a job this much younger may have used the earlier one. Milliseconds. */
const settingMarginMs = 60_000;

/** A tenant's way to send mail. The gate `mail` holds jobs back; with a fallback each provider has a circuit of its own, such as `mail-resend`. */
export async function createSending(deps: SendingDeps, scope: SendingScope): Promise<Mail> {
  const { tenant, connection, onResult } = scope;
  const calls: ProviderCalls = new Map();
  const options = { from: connection.from ?? scope.from, replyTo: connection.replyTo, now: deps.now };
  const first = await routeOf(deps, scope, connection, calls);
  if (!connection.fallback) {
    const records = createMailRecords(deps, tenant, () => "mail");
    const mail = deps.createMail({ ...options, routes: [first], records, gate: "mail", earlierHolder: earlierHolderOf(deps, scope) });
    return reportingCalls(mail, calls, 1, onResult);
  }
  const routes = [first, await routeOf(deps, scope, connection.fallback, calls)] as const;
  const records = createMailRecords(deps, tenant, (provider) => `mail-${provider}`);
  const mail = deps.createMail({ ...options, routes, records, switching: createSwitching(deps, tenant, calls) });
  return reportingCalls(mail, calls, routes.length, onResult);
}

async function routeOf(
  deps: SendingDeps,
  { connection, paused }: SendingScope,
  route: MailConnection | MailRoute,
  calls: ProviderCalls,
): Promise<ProviderRoute> {
  const provider = deps.providerOf(route, {
    onResult: (call) => void calls.set(route.provider, call),
    timeLimit: connection.fallback ? maxMsOfTwo : undefined,
  });
  return { provider, holder: await holderOf(route), paused: paused[route.provider] !== undefined };
}

/** Which holder was tried before for the job; under a connection that is older than the job no other was. */
function earlierHolderOf({ sent }: SendingDeps, { tenant, updated, jobAt }: SendingScope): SenderOptions["earlierHolder"] {
  return updated > jobAt - settingMarginMs ? (key) => sent.holder(tenant, key) : undefined;
}
