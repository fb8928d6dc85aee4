import type { MailEventView } from "../domain/mail-events/store";
import type { ForeignReader } from "../queue/foreign";

/** A provider's report as it came: nothing of it is believed before it is verified. */
export interface SignedIncoming {
  headers: Headers;
  body: Uint8Array;
  /** `?token=` of the address. */
  token: string | null;
}

/** `refused`: unknown tenant or provider, no secret, not genuine, all the same. `unknown`: what is needed to tell could not be reached. `malformed`: genuine, and no JSON. */
export type MailEventVerdict = "taken" | "refused" | "unknown" | "malformed";

/** Where providers report what became of mails. */
export interface MailEventDoor {
  /** Throws when the ledger cannot be reached. */
  receive(tenant: string, provider: string, incoming: SignedIncoming): Promise<MailEventVerdict>;
  /** Messages of the queue `mail-events`. One about a mail that is not recorded yet comes again, for an hour. */
  readCloudflare: ForeignReader;
  /** What was reported of the mail of one job, oldest first. */
  ofJob(tenant: string, job: string): Promise<MailEventView[]>;
}
