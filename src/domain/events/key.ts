/** The idempotency key of an event: an id is unique within its source (CloudEvents 1.0, 3.1). At most 256 characters. */
export async function eventKey({ id, source }: { id: string; source?: string | undefined }): Promise<string> {
  if (source === undefined) return `event ${id}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(source));
  const short = Array.from(new Uint8Array(digest).subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `event ${short} ${id}`;
}
