import type { ForeignReaders } from "../queue/run/foreign";
import type { IntakeDeps } from "./deps";
import { uploadReader } from "./media/notifications";

/** Queues that senders other than the engine write to, each with the reader of its messages. */
export function foreignReaders(deps: IntakeDeps): ForeignReaders {
  return { "mail-events": deps.mailEvents.readCloudflare, "media-uploads": uploadReader(deps) };
}
