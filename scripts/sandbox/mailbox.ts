import { Bounded } from "./bounded.ts";

/** A mail as it would have been delivered. */
export interface Mail {
  id: string;
  /** ISO 8601. */
  at: string;
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  replyTo: string[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: Record<string, string>;
  idempotencyKey: string | null;
  /** As it was handed over: MIME by SMTP, else the JSON of the call. */
  source?: string;
}

export interface MailFilter {
  /** Part of a recipient's address. */
  to?: string | null;
  /** Milliseconds; only mails from then on. */
  since?: number | null;
  limit: number;
}

/** What was "sent": the newest 10,000 mails, at most 256 MB of them. */
export class Mailbox {
  readonly #mails = new Bounded<Mail>({ count: 10_000, weight: 256 * 1024 * 1024 });
  readonly #note: (mail: Mail) => void;
  /** How many came, with those that are forgotten. */
  received = 0;

  constructor(note: (mail: Mail) => void = () => undefined) {
    this.#note = note;
  }

  deliver(mail: Mail): void {
    this.restore(mail);
    this.#note(mail);
  }

  /** Takes what was delivered before. */
  restore(mail: Mail): void {
    this.received++;
    this.#mails.push(mail, (mail.html?.length ?? 0) + (mail.text?.length ?? 0) + (mail.source?.length ?? 0) + 1000);
  }

  /** Newest last. */
  find(filter: MailFilter): Mail[] {
    const part = filter.to?.toLowerCase();
    const since = filter.since ?? 0;
    return this.#mails.newest(
      filter.limit,
      (mail) => (!part || recipientsOf(mail).some((to) => to.toLowerCase().includes(part))) && Date.parse(mail.at) >= since,
    );
  }

  get(id: string): Mail | undefined {
    return this.#mails.newest(1, (mail) => mail.id === id)[0];
  }

  get size(): number {
    return this.#mails.size;
  }

  clear(): void {
    this.#mails.clear();
    this.received = 0;
  }
}

function recipientsOf(mail: Mail): string[] {
  return [...mail.to, ...mail.cc, ...mail.bcc];
}
