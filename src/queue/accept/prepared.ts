import type { Envelope } from "../envelope";
import type { NewJob } from "../ports/intake-ledger";
import type { Contract } from "../job";

/** One job, validated and named, before anything was written or sent. */
export interface Prepared {
  id: string;
  contract: Contract;
  envelope: Envelope;
  row: NewJob;
  keyed: boolean;
  /** The id that its own key had before those were kept apart from senders' keys. */
  formerId: string | undefined;
  /** Whether its key brings a dead letter back. */
  revives: boolean;
  delaySeconds: number;
  /** Why it failed elsewhere: it is not sent. */
  failed?: string | undefined;
}
