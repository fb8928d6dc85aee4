import { createMailEventInbox, type MailEventInbox } from "../domain/mail-events/receive";
import { createSentStore } from "../domain/mail-events/sent";
import { createMailEventStore } from "../domain/mail-events/store";
import { createSuppressionQueries } from "../domain/suppressions/queries";
import { createSuppressionStore } from "../domain/suppressions/store";
import { rotationMark } from "../ledger/watermarks";
import { maskProviderText } from "../masking/provider-text";
import { createHttp } from "../providers/http";
import { eventOfCloudflare } from "../providers/mail/events/cloudflare";
import { createMailEventReader } from "../providers/mail/events/read";
import type { Stores } from "./stores";

export type MailStores = ReturnType<typeof createMailStores>;

/** Who gets no mail, what was sent, and what became of it. */
export function createMailStores(db: D1Database, { hashAddress: hash }: Pick<Stores, "hashAddress">) {
  const suppressions = createSuppressionStore(db, hash);
  return {
    suppressions: { ...suppressions, ...createSuppressionQueries(db, hash) },
    events: createMailEventStore({ db, hash, masked: maskProviderText, words: rotationMark(db, "mail-event-words") }),
    sent: createSentStore(db),
  };
}

export function createMailEvents(stores: Pick<Stores, "connections" | "snapshots" | "rules">, { events, sent }: MailStores, now: () => number): MailEventInbox {
  const { connections, snapshots, rules } = stores;
  return createMailEventInbox({
    connections,
    snapshots,
    events,
    sent,
    read: createMailEventReader(createHttp({ rules })),
    readCloudflare: eventOfCloudflare,
    now,
  });
}
