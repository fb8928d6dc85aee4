import type { IncomingMessage } from "node:http";

/** What the product may send at once, and some. */
const mostBody = 12 * 1024 * 1024;
/** What is read and thrown away, so that the sender gets to see the refusal. */
const maxDiscarded = 32 * 1024 * 1024;

/** The whole body as text; null when it is over 12 MB. Rejects when the sender breaks off. */
export function readBody(request: IncomingMessage): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= mostBody) chunks.push(chunk);
      else chunks.length = 0;
      if (size > maxDiscarded) resolve(null);
    });
    request.on("end", () => resolve(size > mostBody ? null : Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
    request.on("close", () => reject(new Error("The sender broke off.")));
  });
}
