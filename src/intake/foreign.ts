import type { ForeignReaders } from "../queue/run/foreign";
import type { IntakeDeps } from "./deps";
import { uploadReader } from "./media/notifications";

/** Queues to which other senders than the engine write, each with the reader of their messages. This is the only place that pairs them. */
export function foreignReaders(deps: IntakeDeps): ForeignReaders {
  return { "mail-events": deps.mailEvents.readCloudflare, "media-uploads": uploadReader(deps) };
}
