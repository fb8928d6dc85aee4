/** What a provider may report of a mail; opening and clicking are not recorded. */
export type MailEventKind = "delivered" | "deferred" | "bounced" | "rejected" | "complained" | "unsubscribed";

/** One provider's report about one recipient of one mail, in our words. */
export interface MailEvent {
  /** The same when it is delivered again. A report about several recipients may give it to each of them. Holds no address. */
  id: string;
  kind: MailEventKind;
  /** `hard` and `soft` of bounces; `undetermined` counts as soft. */
  class?: string | undefined;
  /** Names the mail as `send` did; undefined where the event is about an address alone. */
  messageId?: string | undefined;
  /** As `a@b.example`. */
  recipient: string;
  /** What the receiving server answered. May hold personal data: it is masked before it is kept. */
  detail?: string | undefined;
}

/** A provider's report as it came: nothing of it is believed before it is verified. */
export interface SignedIncoming {
  headers: Headers;
  body: Uint8Array;
  /** `?token=` of the address. */
  token: string | null;
}

/**
 * The events of a report that is genuine by the secret. Undefined: not genuine. `taken`: it confirmed a subscription, no events follow.
 * `unknown`: what decides it could not be reached. `malformed`: genuine, and no JSON.
 */
export type ReadMailEvents = (
  provider: string,
  secret: string,
  incoming: SignedIncoming,
  now: number,
) => Promise<MailEvent[] | "taken" | "unknown" | "malformed" | undefined>;
