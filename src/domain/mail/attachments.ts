import * as v from "valibot";
import { boundedList, boundedText } from "../../bounded";
import type { Attachment } from "../../providers/mail/mail";
import { mediaKey, originalObject } from "../media/model";
import type { Mutex } from "../media/mutex";

/** Bytes of all attachments of one mail, before encoding. A provider may have a lower limit. */
export const maxAttachmentBytes = 10 * 1024 * 1024;

const filename = v.pipe(
  boundedText(200, {
    min: 1,
    pattern: /^[^/\\"\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+$/u,
    rule: 'must be a file name without /, \\, ", control characters and those that turn the direction of text',
  }),
  v.check((name) => /[^.\s]/.test(name), "must be a file name: more than dots and spaces"),
);

/** Attachments in a mail's payload: the tenant's objects in the media bucket, by key. */
export const attachments = boundedList(v.strictObject({ key: mediaKey, filename: v.optional(filename) }), 10, { min: 1, rule: "must name 1 to 10 objects" });

type AttachmentList = v.InferOutput<typeof attachments>;
export type Attached = { ok: true; files: Attachment[] } | { ok: false; reason: string };

/** The version of an object that a mail attaches; null: there is no such object. */
type PinnedFile = { etag: string; bytes: number } | null;

declare module "../../queue/job" {
  interface Capabilities {
    attachments: ReturnType<typeof createAttachments>;
  }
}

export function createAttachments(bucket: R2Bucket, oneAtATime: Mutex, tenant: string) {
  return {
    /** The current versions, in the order of the list. Throws when R2 cannot be reached. */
    pin: (list: AttachmentList): Promise<PinnedFile[]> =>
      Promise.all(
        list.map(async ({ key }) => {
          const head = await bucket.head(originalObject(tenant, key));
          return head && { etag: head.etag, bytes: head.size };
        }),
      ),
    /** Reads these versions and passes them to `use`, which sends them. An isolate has the attachments of one mail in memory. Throws when R2 cannot be reached. */
    withFiles: <T>(list: AttachmentList, pinned: readonly PinnedFile[], signal: AbortSignal, use: (attached: Attached) => Promise<T>): Promise<T> =>
      oneAtATime(signal, async () => use(await read(bucket, tenant, list, pinned))),
  };
}

/** The total size is checked before any bytes are read. */
async function read(bucket: R2Bucket, tenant: string, list: AttachmentList, pinned: readonly PinnedFile[]): Promise<Attached> {
  const missing = pinned.indexOf(null);
  if (missing >= 0) return { ok: false, reason: `attachment ${missing + 1}: there is no such object` };
  const bytes = pinned.reduce((sum, file) => sum + (file?.bytes ?? 0), 0);
  if (bytes > maxAttachmentBytes) return { ok: false, reason: `the attachments have ${bytes} bytes, at most ${maxAttachmentBytes} are sent` };
  const files: Attachment[] = [];
  for (const [index, { key, filename: name }] of list.entries()) {
    const object = await bucket.get(originalObject(tenant, key), { onlyIf: { etagMatches: pinned[index]?.etag ?? "" } });
    if (!object || !("body" in object)) return { ok: false, reason: `attachment ${index + 1}: it was replaced or removed since the mail was first tried` };
    const type = object.httpMetadata?.contentType ?? "";
    const contentType = /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/.test(type) ? type : "application/octet-stream";
    files.push({ filename: name ?? nameIn(key), contentType, content: new Uint8Array(await object.arrayBuffer()) });
  }
  return { ok: true, files };
}

/** The last part of a key, without characters that a quoted header may not contain or that hide the end of a name. */
function nameIn(key: string): string {
  return (key.split("/").at(-1) ?? key)
    .replaceAll(/["\\\p{Bidi_Control}]/gu, "_")
    .slice(0, 200)
    .toWellFormed();
}
