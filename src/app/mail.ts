import { connect } from "cloudflare:sockets";
import { createSending, type ProviderCalling } from "../domain/mail/sending";
import type { WorkerEnv } from "../env";
import { createHttp, type Http } from "../providers/http";
import { createCloudflareMail, type EmailBinding } from "../providers/mail/cloudflare";
import type { Mail, MailProvider } from "../providers/mail/mail";
import { createPostmark } from "../providers/mail/postmark";
import { createResend } from "../providers/mail/resend";
import { createMail, pauseSeconds } from "../providers/mail/sender";
import { createSmtp } from "../providers/mail/smtp/smtp";
import type { Connect } from "../providers/mail/smtp/session";
import type { CapabilityScope, Missing } from "../queue/engine";
import type { CallResult } from "../queue/ports/gates";
import type { TenantGates } from "../tenants/gates";
import { type MailRoute, mailServerIssue, tlsOf } from "../tenants/mail-connection";
import { log } from "./log";
import { createMailStores } from "./mail-stores";
import { isLocal, type Stores } from "./stores";
import { toBase64 } from "../base64";

interface MailDeps {
  env: WorkerEnv;
  /** Small statements of jobs that run side by side go together. */
  db: D1Database;
  stores: Stores;
  gates: TenantGates;
  now(): number;
}

/** The tenant's way to send mail. */
export async function mailFor(deps: MailDeps, scope: CapabilityScope): Promise<Mail | Missing> {
  const { db, stores, gates, now } = deps;
  const { tenant } = scope;
  if (tenant === null) return { missing: "mail is a tenant's own" };
  const opened = await stores.connections.open(tenant, "mail");
  if (!opened.ok) return { missing: `the connection "mail" is ${opened.reason}: ${opened.detail}` };
  const { value: connection, paused, updated } = opened;
  const lookup = await stores.snapshots.read(tenant, now());
  const from = lookup.state === "known" ? lookup.snapshot.settings.mail?.from : undefined;
  const { suppressions, sent } = createMailStores(db, stores);
  const report = (where: string, reason: string) => log({ event: "trouble", where, reason, tenant });
  const providerFor = (route: MailRoute, calling: ProviderCalling) => providerOf(deps, route, calling, scope.traceparent);
  const sending = {
    suppressions,
    sent,
    connections: stores.connections,
    gates,
    pauseMs: pauseSeconds * 1000,
    report,
    now,
    createMail,
    providerOf: providerFor,
  };
  const onResult = (call: CallResult) => scope.onResult("mail", call);
  return createSending(sending, { tenant, connection, paused, updated, from, jobAt: scope.at, onResult });
}

function providerOf(
  { env, stores, now }: MailDeps,
  route: MailRoute,
  { onResult, timeLimit }: ProviderCalling,
  traceparent: CapabilityScope["traceparent"],
): MailProvider {
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

/** The binding of Cloudflare Email Service on a developer's machine: a server that answers `{messageId}`, or `{code}` of the error to throw. */
function emailStub(url: string): EmailBinding {
  return {
    async send({ attachments, ...mail }) {
      const files = attachments?.map(({ content, ...file }) => ({ ...file, content: toBase64(content) }));
      const answer = await fetch(url, { method: "POST", body: JSON.stringify({ ...mail, attachments: files }) });
      const { messageId, code } = await answer.json<{ messageId?: string; code?: string }>();
      if (messageId === undefined) throw Object.assign(new Error(code), { code });
      return { messageId };
    },
  };
}
