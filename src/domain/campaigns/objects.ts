import type { MailMessage } from "../../providers/mail/mail";
import { type LeftOut, maxRowBytes, maxPageSize, type Recipient, recipientOf } from "./model";

/** A range of bytes in a list, whole lines. */
interface Stretch {
  offset: number;
  length: number;
}

/** A page's place in its list. */
export interface PagePlace extends Stretch {
  page: number;
  count: number;
}

/** The mails of one call to the provider, kept in R2 until the page ends: each try sends these bytes. */
export interface PageBody {
  /** Line of the last recipient in this body. Lines, unlike positions, stay when a person is erased. */
  through: number;
  /** When it was first sent. Milliseconds. */
  at: number;
  messages: { hash: string; message: MailMessage }[];
  /** Recipients that it omits. */
  left: LeftOut[];
}

/** Bytes of one read: at least one page of the longest rows. */
const stretchBytes = maxRowBytes * maxPageSize;

/** No tenant's name begins with an underscore. */
const root = "_campaigns";
const folderOf = (tenant: string, campaign: string) => `${root}/${tenant}/${campaign}/`;
const bodyName = (tenant: string, campaign: string, page: number, part: number) => `${folderOf(tenant, campaign)}pages/${page}-${part}`;

/** Lists and rendered pages in R2. Every call throws when R2 cannot be reached. */
export function createCampaignObjects(bucket: R2Bucket) {
  return {
    bucket,
    listName: (tenant: string, campaign: string) => `${folderOf(tenant, campaign)}list-${crypto.randomUUID()}`,
    pagesFolder: (tenant: string, campaign: string) => `${folderOf(tenant, campaign)}pages/`,
    /** Pages from a place on, each of `size` rows; the last may be shorter. At most `max`, and those of one read. */
    async pages(list: string, from: { offset: number; page: number }, end: number, size: number, max: number): Promise<PagePlace[]> {
      if (from.offset >= end || max <= 0) return [];
      const object = await bucket.get(list, { range: { offset: from.offset, length: Math.min(stretchBytes, end - from.offset) } });
      if (!object) throw new Error("the list of recipients is gone");
      const bytes = new Uint8Array(await object.arrayBuffer());
      return cut(bytes, from, from.offset + bytes.length >= end, size, max);
    },
    /** The recipients of a page without erased rows. */
    async recipients(list: string, { offset, length }: Stretch): Promise<Recipient[]> {
      const object = await bucket.get(list, { range: { offset, length } });
      if (!object) throw new Error("the list of recipients is gone");
      return (await object.text()).split("\n").flatMap((row) => recipientOf(row) ?? []);
    },
    async body(tenant: string, campaign: string, page: number, part: number): Promise<PageBody | null> {
      const object = await bucket.get(bodyName(tenant, campaign, page, part));
      return object === null ? null : object.json<PageBody>();
    },
    async putBody(tenant: string, campaign: string, page: number, part: number, body: PageBody): Promise<void> {
      await bucket.put(bodyName(tenant, campaign, page, part), JSON.stringify(body));
    },
    async removeBody(tenant: string, campaign: string, page: number, part: number): Promise<void> {
      await bucket.delete(bodyName(tenant, campaign, page, part));
    },
    async removeBodies(tenant: string, campaign: string, page: number, parts: number): Promise<void> {
      if (parts > 0) await bucket.delete(Array.from({ length: parts }, (_, part) => bodyName(tenant, campaign, page, part)));
    },
    async removeList(list: string): Promise<void> {
      await bucket.delete(list);
    },
    async removeAll(tenant: string, campaign: string): Promise<void> {
      for (let more = true; more;) {
        const { objects, truncated } = await bucket.list({ prefix: folderOf(tenant, campaign) });
        if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
        more = truncated;
      }
    },
  };
}

export type CampaignObjects = ReturnType<typeof createCampaignObjects>;

/** Whole pages, and at the end of the list the rest. Erased rows count, so that the offsets stay. */
function cut(bytes: Uint8Array, from: { offset: number; page: number }, isEnd: boolean, size: number, max: number): PagePlace[] {
  const pages: PagePlace[] = [];
  let begin = 0;
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0 && pages.length < max; at = bytes.indexOf(10, at + 1)) {
    count++;
    const isLast = isEnd && at === bytes.length - 1;
    if (count < size && !isLast) continue;
    pages.push({ page: from.page + pages.length, offset: from.offset + begin, length: at + 1 - begin, count });
    [begin, count] = [at + 1, 0];
  }
  return pages;
}
