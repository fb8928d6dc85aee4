/** Kinds of a provider's reports; opens and clicks are not recorded. */
export type MailEventKind = "delivered" | "deferred" | "bounced" | "rejected" | "complained" | "unsubscribed";

/** One provider's report about one recipient of one mail, in Jobyard's terms. */
export interface MailEvent {
  /** Id of the report, the same when it is delivered again; recipients of one report may share it. Contains no address. */
  id: string;
  kind: MailEventKind;
  /** `hard` and `soft` of bounces; `undetermined` counts as soft. */
  class?: string | undefined;
  /** The mail's id as `send` returned it; undefined where the event concerns only an address. */
  messageId?: string | undefined;
  /** As `a@b.example`. */
  recipient: string;
  /** The answer of the receiving server. It may contain personal data, and is masked before it is stored. */
  detail?: string | undefined;
}

/** A provider's report as received, not verified yet. */
export interface SignedIncoming {
  headers: Headers;
  body: Uint8Array;
  /** `?token=` of the address. */
  token: string | null;
}

/**
 * The events of a report that the secret authenticates. Undefined: not authentic. `taken`: it confirmed a subscription, without events.
 * `unknown`: the certificate or the confirmation address could not be reached. `malformed`: authentic, but no JSON.
 */
export type ReadMailEvents = (
  provider: string,
  secret: string,
  incoming: SignedIncoming,
  now: number,
) => Promise<MailEvent[] | "taken" | "unknown" | "malformed" | undefined>;
