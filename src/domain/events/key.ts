import type { EnqueueRequest } from "../../queue/request";

/** The key of an event's job: an id is unique within its source (CloudEvents 1.0, 3.1). */
export async function eventKey({ id, source }: { id: string; source?: string | undefined }): Promise<Pick<EnqueueRequest, "own" | "formerKey">> {
  if (source === undefined) return { own: ["event", id], formerKey: `event ${id}` };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(source));
  const short = Array.from(new Uint8Array(digest).subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { own: ["event", id, short], formerKey: `event ${short} ${id}` };
}
