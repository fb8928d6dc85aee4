import { connect } from "cloudflare:sockets";
import { sha256Hex } from "../crypto";
import type { WorkerEnv } from "../env";
import { redact } from "../masking/redact";
import { createHttp, type Http } from "../providers/http";
import { cloudflare } from "../providers/mail/cloudflare";
import type { Mail, MailProvider, MailProviderName } from "../providers/mail/mail";
import { postmark } from "../providers/mail/postmark";
import { resend } from "../providers/mail/resend";
import { createMail, type MailRecords, type Route, type Switching, pauseSeconds } from "../providers/mail/sender";
import { smtp } from "../providers/mail/smtp/smtp";
import type { Connect } from "../providers/mail/smtp/session";
import type { CapabilityScope, Missing } from "../queue/engine";
import type { Calls } from "../queue/gates";
import type { TenantGates } from "../tenants/gates";
import { type MailConnection, type MailRoute, mailServerIssue, tlsOf } from "../tenants/mail-connection";
import { emailStub } from "./email-stub";
import { log } from "./log";
import { createMailStores } from "./mail-stores";
import { isLocal, type Stores } from "./stores";

export interface MailDeps {
  env: WorkerEnv;
  /** Small statements of jobs that run side by side go together. */
  db: D1Database;
  stores: Stores;
  gates: TenantGates;
  now(): number;
}

/** How a provider is called. */
interface Calling {
  onCall(calls: "answered" | "transient"): void;
  timeLimit: number | undefined;
  traceparent: CapabilityScope["traceparent"];
}

/** For one of two providers, so that both fit a run. Milliseconds. */
const timeLimitOfTwo = 12_000;
/** A lease outlives any call. Milliseconds. */
const leaseMs = 120_000;
/** Milliseconds that the clocks of two Workers may differ by. */
const clockSkew = 60_000;

/** The tenant's way to send mail. The gate `mail` holds jobs back; with a fallback each provider has a circuit of its own, `mail-resend`. */
export async function mailFor(deps: MailDeps, scope: CapabilityScope): Promise<Mail | Missing> {
  const { db, stores, now } = deps;
  const { tenant } = scope;
  if (tenant === null) return { missing: "mail is a tenant's own" };
  const opened = await stores.connections.open(tenant, "mail");
  if (!opened.ok) return { missing: `the connection "mail" is ${opened.reason}: ${opened.detail}` };
  const { value: connection, paused, updated } = opened;
  const known = await stores.snapshots.read(tenant, now());
  const usual = known.state === "known" ? known.snapshot.settings.mail?.from : undefined;
  const calls = new Map<MailProviderName, Calls>();
  const timeLimit = connection.fallback ? timeLimitOfTwo : undefined;
  const route = async (each: MailConnection | MailRoute): Promise<Route> => ({
    provider: providerOf(deps, each, { traceparent: scope.traceparent, onCall: (call) => void calls.set(each.provider, call), timeLimit }),
    holder: await holderOf(each),
    paused: paused[each.provider] !== undefined,
  });
  const routes: [Route, ...Route[]] = [await route(connection), ...(connection.fallback ? [await route(connection.fallback)] : [])];
  const mail = createMail({
    from: connection.from ?? usual,
    replyTo: connection.replyTo,
    routes,
    records: recordsOf(deps, tenant, routes.length > 1),
    switching: routes.length > 1 ? switchingOf(deps, tenant, calls) : undefined,
    // Under a connection that is older than the job none other was tried.
    earlierHolder: routes.length === 1 && updated > scope.at - clockSkew ? (key) => createMailStores(db, stores).sent.holder(tenant, key) : undefined,
    now,
  });
  return reporting(mail, () => tell(scope, calls, routes.length));
}

function providerOf({ env, stores, now }: MailDeps, route: MailConnection | MailRoute, { onCall, timeLimit, traceparent }: Calling): MailProvider {
  const call = createHttp({ rules: stores.rules, traceparent, onCall });
  const http: Http = (request) => call(timeLimit === undefined ? request : { timeLimit, ...request });
  switch (route.provider) {
    case "cloudflare":
      return cloudflare({ binding: env.EMAIL ?? stubIn(env), now, onCall });
    case "resend":
      return resend({ http, apiKey: route.apiKey, baseUrl: route.baseUrl, now });
    case "postmark":
      return postmark({ http, serverToken: route.serverToken, baseUrl: route.baseUrl, stream: route.stream, bulkStream: route.bulkStream, now });
    case "smtp": {
      const { host, port, username, password } = route;
      const refused = () => mailServerIssue(route, stores.rules)?.message;
      return smtp({ connect: connect as unknown as Connect, host, port, tls: tlsOf(route), username, password, now, refused, onCall, timeLimit });
    }
  }
}

/** Another key or server is another account, as far as can be known here; a new password of a mail server is not. */
async function holderOf({ provider, ...route }: MailConnection | MailRoute): Promise<string> {
  const { baseUrl, apiKey, serverToken, host, port, username } = route as Record<string, unknown>;
  const account = JSON.stringify([baseUrl, apiKey, serverToken, host, port, username]);
  return `${provider}:${await sha256Hex(account, 12)}`;
}

function stubIn(env: WorkerEnv) {
  return isLocal(env) && env.EMAIL_STUB ? emailStub(env.EMAIL_STUB) : undefined;
}

/** The gate `mail` hears of an answer of any provider, and of failures only when all of them failed: while one is left, jobs come through. */
function tell({ onCall }: CapabilityScope, calls: ReadonlyMap<MailProviderName, Calls>, providers: number): void {
  const all = [...calls.values()];
  if (all.includes("answered")) onCall("mail", "answered");
  else if (all.length === providers && all.every((each) => each === "transient")) onCall("mail", "transient");
}

function reporting(mail: Mail, told: () => void): Mail {
  const { sendBatch } = mail;
  return {
    ...mail,
    send: (message, options) => mail.send(message, options).finally(told),
    sendBatch: sendBatch && ((messages, options) => sendBatch(messages, options).finally(told)),
  };
}

/** What cannot be recorded is logged: the mail is out, and the job must not send it again for that. */
function recordsOf({ db, stores, gates, now }: MailDeps, tenant: string, several: boolean): MailRecords {
  const mail = createMailStores(db, stores);
  const gateOf = (provider: MailProviderName) => (several ? `mail-${provider}` : "mail");
  const recorded = (what: string, act: Promise<unknown>) =>
    act.then(
      () => undefined,
      (thrown: unknown) => log({ event: "trouble", where: `mail ${what}`, reason: String(thrown), tenant }),
    );
  return {
    suppress: (addresses) =>
      recorded(
        "suppression",
        mail.suppressions.add(
          tenant,
          addresses.map((address) => ({ address, scope: "all", reason: "rejected" })),
          now(),
        ),
      ),
    sent: (mails) =>
      recorded(
        "record",
        mail.sent.record(
          tenant,
          mails.flatMap(({ about, ...mail }) => (about ? [{ ...mail, ...about }] : [])),
          now(),
        ),
      ),
    async pause(provider, reason) {
      await gates.hold(tenant, gateOf(provider), now() + pauseSeconds * 1000, now(), redact(reason));
      await recorded("pause", stores.connections.pause(tenant, "mail", provider, { reason, since: now() }));
      log({ event: "trouble", where: `connection mail (${provider})`, reason: `paused: ${reason}`, tenant });
    },
    unpause: (provider) => recorded("pause", stores.connections.pause(tenant, "mail", provider, null)),
  };
}

function switchingOf({ db, stores, gates, now }: MailDeps, tenant: string, calls: Map<MailProviderName, Calls>): Switching {
  const store = createMailStores(db, stores).sent;
  const stay = crypto.randomUUID();
  return {
    async enter(provider) {
      calls.delete(provider);
      const [entry] = await gates.enter(tenant, `mail-${provider}`, [stay], leaseMs, now());
      return entry?.granted ? { lease: entry.lease } : { until: entry?.until ?? now() + 15_000 };
    },
    leave: (provider, lease, how) => gates.leave(tenant, `mail-${provider}`, [{ id: stay, lease, calls: how }], now()),
    calls: (provider) => calls.get(provider) ?? "none",
    begin: (key, holder) => store.begin(tenant, key, holder, now()),
    clear: (key) => store.clear(tenant, key),
  };
}
