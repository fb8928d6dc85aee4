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
  /** The id of its own key in releases that did not separate own keys from senders' keys. */
  formerId: string | undefined;
  /** Whether its key brings a dead letter back. */
  revives: boolean;
  delaySeconds: number;
  /** Why it failed in another system; set, it is recorded and not sent. */
  failed?: string | undefined;
}
