import { sha256Hex } from "../../crypto";
import type { EnqueueRequest } from "../../queue/request";

/** The key of an event's job: an id is unique within its source (CloudEvents 1.0, 3.1). */
export async function eventKey({ id, source }: { id: string; source?: string | undefined }): Promise<Pick<EnqueueRequest, "own" | "formerKey">> {
  if (source === undefined) return { own: ["event", id], formerKey: `event ${id}` };
  const short = await sha256Hex(source, 32);
  return { own: ["event", id, short], formerKey: `event ${short} ${id}` };
}
