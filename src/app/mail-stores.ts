import { sentStore } from "../domain/mail-events/sent";
import { mailEventStore } from "../domain/mail-events/store";
import { suppressionQueries } from "../domain/suppressions/queries";
import { suppressionStore } from "../domain/suppressions/store";
import { turnMark } from "../ledger/watermarks";
import { redact } from "../masking/provider-text";
import type { Stores } from "./stores";

export type MailStores = ReturnType<typeof createMailStores>;

/** Who gets no mail, what was sent, and what became of it. */
export function createMailStores(db: D1Database, { hashAddress: hash }: Pick<Stores, "hashAddress">) {
  const suppressions = suppressionStore(db, hash);
  return {
    suppressions: { ...suppressions, ...suppressionQueries(db, hash) },
    events: mailEventStore({ db, hash, masked: redact, words: turnMark(db, "mail-event-words") }),
    sent: sentStore(db),
  };
}
