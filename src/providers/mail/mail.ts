import type { Reply } from "../../queue/effect";

/** One mail, rendered. Addresses are `a@b.example` or `Name <a@b.example>`; no line breaks in addresses and subject. */
export interface MailMessage {
  from: string;
  to: readonly string[];
  replyTo?: string | undefined;
  subject: string;
  html?: string | undefined;
  text?: string | undefined;
}

export interface SendOptions {
  /** The same for every try of one mail. */
  idempotencyKey: string;
  signal: AbortSignal;
}

/** A tenant's way to send mail. */
export interface Mail {
  /** The sender of the connection, else of the tenant's settings. */
  readonly from?: string | undefined;
  readonly replyTo?: string | undefined;
  /** Seconds for which a second `send` with the same key sends nothing; 0 when the provider promises nothing. */
  readonly idempotentFor: number;
  /** `ok` means that the provider took it. Never throws; a failure's reason holds no address, subject or key. */
  send(message: MailMessage, options: SendOptions): Promise<Reply<{ id: string }>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    mail: Mail;
  }
}
