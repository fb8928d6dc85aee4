import { equalSecrets } from "../crypto";
import type { MailEvent } from "../providers/mail/events/event";
import { joinFor, type MailEventStore } from "../domain/mail-events/store";
import type { SentStore } from "../domain/mail-events/sent";
import type { MailEventDoor, MailEventVerdict, SignedIncoming } from "../intake/mail-events";
import { verify } from "../providers/hooks/standard";
import { createHttp } from "../providers/http";
import { eventOfCloudflare } from "../providers/mail/events/cloudflare";
import { type Fields, jsonOf, textIn } from "../providers/mail/events/fields";
import { eventsOfPostmark } from "../providers/mail/events/postmark";
import { eventsOfResend } from "../providers/mail/events/resend";
import { eventsOfSes } from "../providers/mail/events/ses";
import { addressOfSns, isFromSns } from "../providers/mail/events/sns";
import type { ForeignMessage, ForeignDisposition } from "../queue/foreign";
import type { Stores } from "./stores";

/** A message whose mail is not recorded yet comes again after this. Seconds. */
const joinAgain = 60;
/** Milliseconds that one delivery may take with its calls to the outside. */
const timeLimit = 10_000;

export interface MailEventParts {
  stores: Pick<Stores, "connections" | "snapshots" | "rules">;
  events: Pick<MailEventStore, "take" | "ofJob">;
  sent: Pick<SentStore, "ofCloudflare">;
  now(): number;
}

/** Which provider of a connection an address of events belongs to. Amazon SES is reached by SMTP. */
const senders: Readonly<Record<string, string>> = { resend: "resend", postmark: "postmark", ses: "smtp" };

/** Where providers report what became of mails. */
export function createMailEventDoor(parts: MailEventParts): MailEventDoor {
  return {
    async receive(tenant, provider, incoming) {
      const secret = await secretOf(parts, tenant, provider);
      if (secret === "unknown") return "unknown";
      const read = secret === undefined ? undefined : await readers[provider]?.(parts, secret, incoming);
      if (read === undefined) return "refused";
      if (!Array.isArray(read)) return read;
      await parts.events.take(tenant, senders[provider] ?? provider, read, parts.now());
      return "taken";
    },
    ofJob: (tenant, job) => parts.events.ofJob(tenant, job),
    readCloudflare: (messages) => Promise.all(messages.map((message) => readOne(parts, message))),
  };
}

/** The secret set with the provider, first or fallback; undefined where there is none. */
async function secretOf({ stores, now }: MailEventParts, tenant: string, provider: string): Promise<string | "unknown" | undefined> {
  const sender = Object.hasOwn(senders, provider) ? senders[provider] : undefined;
  const known = await stores.snapshots.read(tenant, now());
  if (known.state === "unknown") return "unknown";
  if (sender === undefined || known.state === "absent" || !known.snapshot.sections.connections?.["mail"]) return undefined;
  const opened = await stores.connections.open(tenant, "mail");
  if (!opened.ok) return undefined;
  const { value } = opened;
  return [value, value.fallback].find((route) => route?.provider === sender)?.webhookSecret;
}

/** Undefined: not genuine. A verdict where no events follow. */
type Read = (parts: MailEventParts, secret: string, incoming: SignedIncoming) => Promise<MailEvent[] | MailEventVerdict | undefined>;

const readers: Readonly<Record<string, Read>> = {
  async resend({ now }, secret, { headers, body }) {
    const verdict = await verify(secret, headers, body, now());
    if (!verdict.ok) return undefined;
    const fields = jsonOf(new TextDecoder().decode(body));
    return fields ? eventsOfResend(fields, verdict.id) : "malformed";
  },
  async postmark(_parts, secret, incoming) {
    if (!(await isWithSecret(secret, incoming))) return undefined;
    const fields = jsonOf(new TextDecoder().decode(incoming.body));
    return fields ? eventsOfPostmark(fields) : "malformed";
  },
  async ses({ stores, now }, secret, incoming) {
    const message = jsonOf(new TextDecoder().decode(incoming.body));
    if (!message || !(await isOfTopic(secret, message, incoming))) return undefined;
    const limit = { http: createHttp({ rules: stores.rules }), now: now(), signal: AbortSignal.timeout(timeLimit) };
    if (!(await isFromSns(message, limit))) return undefined;
    if (textIn(message, "Type") === "SubscriptionConfirmation") return confirm(message, limit);
    const notification = textIn(message, "Type") === "Notification" ? jsonOf(textIn(message, "Message", 300_000) ?? "") : undefined;
    return eventsOfSes(notification ?? {}, textIn(message, "MessageId", 100) ?? "");
  },
};

/** The secret is the ARN of the topic, which is signed; or a password of the address. Without either anyone with a topic could report. */
async function isOfTopic(secret: string, message: Fields, incoming: SignedIncoming): Promise<boolean> {
  return secret.startsWith("arn:") ? equalSecrets(textIn(message, "TopicArn") ?? "", secret) : isWithSecret(secret, incoming);
}

/** `Authorization: Basic`, whose password or whole is the secret, or `?token=`. */
async function isWithSecret(secret: string, { headers, token }: SignedIncoming): Promise<boolean> {
  const login = basicOf(headers.get("authorization") ?? "");
  const given = [login, login.slice(login.indexOf(":") + 1), token ?? ""];
  const verdicts = await Promise.all(given.map((each) => equalSecrets(each, secret)));
  return verdicts.includes(true);
}

function basicOf(header: string): string {
  const encoded = /^Basic +([A-Za-z0-9+/]{1,3000}={0,2}) *$/i.exec(header)?.[1];
  try {
    return encoded === undefined ? "" : atob(encoded);
  } catch {
    // No base64: no password can be in it.
    return "";
  }
}

async function confirm(message: Fields, { http, signal }: Parameters<typeof isFromSns>[1]): Promise<MailEventVerdict | undefined> {
  const url = addressOfSns(textIn(message, "SubscribeURL", 4000));
  if (!url) return undefined;
  const reply = await http({ url: url.href, signal, redirects: "answer" });
  return reply.ok && reply.value.status < 300 ? "taken" : "unknown";
}

/** Events of Cloudflare come for all tenants; whose mail one is about is known once the mail is recorded. */
async function readOne({ events, sent, now }: MailEventParts, { body }: ForeignMessage): Promise<ForeignDisposition> {
  const event = eventOfCloudflare(body);
  // Nothing of it is kept: it may hold an address and a subject.
  if (!event) return { do: "ack" };
  const origin = await sent.ofCloudflare(event.messageId);
  if (origin) {
    await events.take(origin.tenant, "cloudflare", [event], now(), origin);
    return { do: "ack" };
  }
  return Math.abs(now() - event.happened) <= joinFor ? { do: "redeliver", seconds: joinAgain } : { do: "ack" };
}
