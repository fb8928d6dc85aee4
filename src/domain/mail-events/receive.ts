import type { eventOfCloudflare } from "../../providers/mail/events/cloudflare";
import type { ReadMailEvents, SignedIncoming } from "../../providers/mail/events/event";
import type { ForeignDisposition, ForeignMessage, ForeignReader } from "../../queue/run/foreign";
import type { ConnectionStore } from "../../tenants/connection";
import type { Snapshots } from "../../tenants/snapshot";
import type { SentStore } from "./sent";
import { joinForMs, type MailEventStore } from "./store";

/** A message whose mail is not recorded yet is redelivered after this. */
const joinAgainSeconds = 60;

/** The provider of the connection, by provider in the path of the events. Amazon SES is used by SMTP. */
const senders: Readonly<Record<string, string>> = { resend: "resend", postmark: "postmark", ses: "smtp" };

interface MailEventDeps {
  connections: Pick<ConnectionStore, "open">;
  snapshots: Pick<Snapshots, "read">;
  events: Pick<MailEventStore, "take" | "ofJob">;
  sent: Pick<SentStore, "ofCloudflare">;
  read: ReadMailEvents;
  /** Undefined: the message is no mail event. */
  readCloudflare: typeof eventOfCloudflare;
  now(): number;
}

/** `refused`: unknown tenant or provider, no secret, or a wrong signature. `unknown`: settings could not be read. `malformed`: signed, and no JSON. */
type MailEventReceipt = "taken" | "refused" | "unknown" | "malformed";

/** Receives the mail events of providers. */
export type MailEventInbox = ReturnType<typeof createMailEventInbox>;

export function createMailEventInbox(deps: MailEventDeps) {
  return {
    /** Throws when the ledger cannot be reached. */
    async receive(tenant: string, provider: string, incoming: SignedIncoming): Promise<MailEventReceipt> {
      const secret = await secretOf(deps, tenant, provider);
      if (secret === "unknown") return "unknown";
      const read = secret === undefined ? undefined : await deps.read(provider, secret, incoming, deps.now());
      if (read === undefined) return "refused";
      if (!Array.isArray(read)) return read;
      await deps.events.take(tenant, senders[provider] ?? provider, read, deps.now());
      return "taken";
    },
    ofJob: (tenant: string, job: string) => deps.events.ofJob(tenant, job),
    /** Reads messages of the queue `mail-events`. One about a mail that is not recorded yet is redelivered, for one hour. */
    readCloudflare: ((messages) => Promise.all(messages.map((message) => readOne(deps, message)))) satisfies ForeignReader,
  };
}

/** The webhook secret of the provider, first or fallback; undefined where there is none. */
async function secretOf({ connections, snapshots, now }: MailEventDeps, tenant: string, provider: string): Promise<string | "unknown" | undefined> {
  const sender = Object.hasOwn(senders, provider) ? senders[provider] : undefined;
  const lookup = await snapshots.read(tenant, now());
  if (lookup.state === "unknown") return "unknown";
  if (sender === undefined || lookup.state === "absent" || !lookup.snapshot.sections.connections?.["mail"]) return undefined;
  const opened = await connections.open(tenant, "mail");
  if (!opened.ok) return undefined;
  const { value } = opened;
  return [value, value.fallback].find((route) => route?.provider === sender)?.webhookSecret;
}

/** Cloudflare's events are of all tenants; the record of the mail gives the tenant. */
async function readOne({ events, sent, readCloudflare, now }: MailEventDeps, { body }: ForeignMessage): Promise<ForeignDisposition> {
  const event = readCloudflare(body);
  // Nothing of the message is kept: it may contain an address and a subject.
  if (!event) return { do: "ack" };
  const origin = await sent.ofCloudflare(event.messageId);
  if (origin) {
    await events.take(origin.tenant, "cloudflare", [event], now(), origin);
    return { do: "ack" };
  }
  return Math.abs(now() - event.happened) <= joinForMs ? { do: "redeliver", seconds: joinAgainSeconds } : { do: "ack" };
}
