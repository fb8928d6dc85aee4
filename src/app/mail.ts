import { connect } from "cloudflare:sockets";
import { createMailRecords } from "../domain/mail/records";
import { createSwitching, type ProviderCalls, reportingCalls } from "../domain/mail/switching";
import type { WorkerEnv } from "../env";
import { createHttp, type Http } from "../providers/http";
import { createCloudflareMail } from "../providers/mail/cloudflare";
import type { Mail, MailProvider } from "../providers/mail/mail";
import { createPostmark } from "../providers/mail/postmark";
import { createResend } from "../providers/mail/resend";
import { createMail, pauseSeconds, type ProviderRoute } from "../providers/mail/sender";
import { createSmtp } from "../providers/mail/smtp/smtp";
import type { Connect } from "../providers/mail/smtp/session";
import type { CapabilityScope, Missing } from "../queue/engine";
import type { TenantGates } from "../tenants/gates";
import { holderOf, type MailConnection, type MailRoute, mailServerIssue, tlsOf } from "../tenants/mail-connection";
import { emailStub } from "./email-stub";
import { log } from "./log";
import { createMailStores } from "./mail-stores";
import { isLocal, type Stores } from "./stores";

interface MailDeps {
  env: WorkerEnv;
  /** Small statements of jobs that run side by side go together. */
  db: D1Database;
  stores: Stores;
  gates: TenantGates;
  now(): number;
}

/** How a provider is called. */
interface Calling {
  onResult(calls: "answered" | "transient"): void;
  timeLimit: number | undefined;
  traceparent: CapabilityScope["traceparent"];
}

/** For one of two providers, so that both fit a run. Milliseconds. */
const maxMsOfTwo = 12_000;
/** Milliseconds that the clocks of two Workers may differ by. */
const clockSkewMs = 60_000;

/** The tenant's way to send mail. The gate `mail` holds jobs back; with a fallback each provider has a circuit of its own, `mail-resend`. */
export async function mailFor(deps: MailDeps, scope: CapabilityScope): Promise<Mail | Missing> {
  const { db, stores, gates, now } = deps;
  const { tenant } = scope;
  if (tenant === null) return { missing: "mail is a tenant's own" };
  const opened = await stores.connections.open(tenant, "mail");
  if (!opened.ok) return { missing: `the connection "mail" is ${opened.reason}: ${opened.detail}` };
  const { value: connection, paused, updated } = opened;
  const lookup = await stores.snapshots.read(tenant, now());
  const usual = lookup.state === "known" ? lookup.snapshot.settings.mail?.from : undefined;
  const calls: ProviderCalls = new Map();
  const { suppressions, sent } = createMailStores(db, stores);
  const route = async (each: MailConnection | MailRoute): Promise<ProviderRoute> => ({
    provider: providerOf(deps, each, {
      traceparent: scope.traceparent,
      onResult: (call) => void calls.set(each.provider, call),
      timeLimit: connection.fallback ? maxMsOfTwo : undefined,
    }),
    holder: await holderOf(each),
    paused: paused[each.provider] !== undefined,
  });
  const report = (where: string, reason: string) => log({ event: "trouble", where, reason, tenant });
  const routes: [ProviderRoute, ...ProviderRoute[]] = [await route(connection), ...(connection.fallback ? [await route(connection.fallback)] : [])];
  const mail = createMail({
    from: connection.from ?? usual,
    replyTo: connection.replyTo,
    routes,
    records: createMailRecords(
      { suppressions, sent, connections: stores.connections, gates, pauseMs: pauseSeconds * 1000, report, now },
      tenant,
      routes.length > 1 ? (provider) => `mail-${provider}` : () => "mail",
    ),
    gate: routes.length === 1 ? "mail" : undefined,
    switching: routes.length > 1 ? createSwitching({ sent, gates, now }, tenant, calls) : undefined,
    // Under a connection that is older than the job none other was tried.
    earlierHolder: routes.length === 1 && updated > scope.at - clockSkewMs ? (key) => sent.holder(tenant, key) : undefined,
    now,
  });
  return reportingCalls(mail, calls, routes.length, (call) => scope.onResult("mail", call));
}

function providerOf({ env, stores, now }: MailDeps, route: MailConnection | MailRoute, { onResult, timeLimit, traceparent }: Calling): MailProvider {
  const call = createHttp({ rules: stores.rules, traceparent, onResult });
  const http: Http = (request) => call(timeLimit === undefined ? request : { timeLimit, ...request });
  switch (route.provider) {
    case "cloudflare":
      return createCloudflareMail({ binding: env.EMAIL ?? stubIn(env), now, onResult });
    case "resend":
      return createResend({ http, apiKey: route.apiKey, baseUrl: route.baseUrl, now });
    case "postmark":
      return createPostmark({ http, serverToken: route.serverToken, baseUrl: route.baseUrl, stream: route.stream, bulkStream: route.bulkStream, now });
    case "smtp": {
      const { host, port, username, password } = route;
      const refused = () => mailServerIssue(route, stores.rules)?.message;
      return createSmtp({ connect: connect as unknown as Connect, host, port, tls: tlsOf(route), username, password, now, refused, onResult, timeLimit });
    }
  }
}

function stubIn(env: WorkerEnv) {
  return isLocal(env) && env.EMAIL_STUB ? emailStub(env.EMAIL_STUB) : undefined;
}
