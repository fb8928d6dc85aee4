import type { Failure, OpenTry, Reply } from "../../queue/effect";

export interface Attachment {
  filename: string;
  /** A media type: `application/pdf`. */
  contentType: string;
  content: Uint8Array<ArrayBuffer>;
}

/** One mail, rendered. Addresses are `a@b.example` or `Name <a@b.example>`; no line breaks in addresses, subject and headers. */
export interface MailMessage {
  from: string;
  /** 1 to 50; each recipient sees the others. */
  to: readonly string[];
  replyTo?: string | undefined;
  subject: string;
  html?: string | undefined;
  text?: string | undefined;
  /** Further headers, as `List-Unsubscribe`; their limits are in limits.ts. */
  headers?: Readonly<Record<string, string>> | undefined;
  attachments?: readonly Attachment[] | undefined;
  /** Whether it is sent to a list, as a newsletter. Some providers refuse such mail or require another stream. Default false. */
  bulk?: boolean | undefined;
}

export interface SendOptions {
  /** The same for every try of one mail. */
  idempotencyKey: string;
  signal: AbortSignal;
  /** The earlier try of this mail, or batch, without a known answer, as the effect gives it. */
  earlier?: OpenTry | undefined;
  /** The job and campaign that events about this mail belong to. */
  about?: MailOrigin | undefined;
}

/** The job that sends a mail, and the campaign it is a part of. */
export interface MailOrigin {
  job: string;
  campaign?: string | undefined;
}

/** A recipient that was refused, alone or among others. */
export interface RefusedRecipient {
  /** As `a@b.example`. */
  address: string;
  /** Whether to suppress the address: it refuses mail permanently. */
  suppress: boolean;
}

/** An adapter's result for a mail that the provider accepted. */
export interface AcceptedMail {
  /** The provider's id, by which its events name the mail. */
  id: string;
  /** Another id by which events may name it (the queue id of an SMTP server). */
  alias?: string | undefined;
  refused?: readonly RefusedRecipient[] | undefined;
}

/** A failure that may concern a recipient. */
export interface MailFailure extends Failure {
  refused?: readonly RefusedRecipient[];
}

export type MailReply<T = AcceptedMail> = { ok: true; value: T } | { ok: false; failure: MailFailure };

/** The result for one mail of a batch. */
export type MailBatchItem = { ok: true; id: string } | { ok: false; failure: MailFailure };

/** One provider's API. Never throws; a failure's reason contains no address, subject or key. */
export interface MailProvider {
  readonly name: MailProviderName;
  /** Seconds for which a second `send` with the same key sends nothing; 0 when the provider does not guarantee it. */
  readonly idempotentFor: number;
  /** Whether it accepts `bulk` mail. */
  readonly takesBulk: boolean;
  /** `ok`: the provider accepted it for at least one recipient. */
  send(message: MailMessage, options: SendOptions): Promise<MailReply>;
  /**
   * Up to 100 mails in one idempotent call, one answer each, in order; an invalid mail does not refuse the others.
   * Undefined where the provider has no such call: send them one by one.
   */
  sendBatch?: ((messages: readonly MailMessage[], options: SendOptions) => Promise<MailReply<readonly MailBatchItem[]>>) | undefined;
}

export type MailProviderName = "cloudflare" | "resend" | "postmark" | "smtp";

/** An accepted mail; `refused` are indexes in `to` of refused recipients. */
export interface SentMessage {
  id: string;
  provider?: MailProviderName | undefined;
  refused?: readonly number[] | undefined;
}

/** The result for one mail of a batch, as a job reads it. */
export type BatchSent = { ok: true; id: string } | { ok: false; failure: Failure };

/** A tenant's mail: its provider with its fallbacks. Suppresses refused recipients. */
export interface Mail {
  /** The default sender: of the connection, else of the tenant's settings. */
  readonly from?: string | undefined;
  readonly replyTo?: string | undefined;
  /** Seconds for which a second `send` with the same key sends nothing; 0 when that is not guaranteed. */
  readonly idempotentFor: number;
  /** `ok`: a provider accepted it. Never throws; a failure's reason contains no address, subject or key. */
  send(message: MailMessage, options: SendOptions): Promise<Reply<SentMessage>>;
  /** As `MailProvider.sendBatch`. Undefined where the provider has none, and with a fallback: then each mail is its own effect. */
  readonly sendBatch?: ((messages: readonly MailMessage[], options: SendOptions) => Promise<Reply<readonly BatchSent[]>>) | undefined;
}

declare module "../../queue/job" {
  interface Capabilities {
    mail: Mail;
  }
}
