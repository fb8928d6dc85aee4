import { changes } from "../../d1";
import { equalParts, putParts } from "../../multipart";
import type { CampaignObjects, PageBody } from "./objects";

interface Erasure {
  /** A cheap check: false means that the text does not name the person, true that it may. */
  mayName(text: string): boolean;
  names(text: string): boolean;
  /** Hashes of the person's addresses. */
  hashes: readonly string[];
}

interface ErasedRecipients {
  /** Deleted rows of lists, mails of rendered pages and rows of recipients. */
  erased: number;
  /** Bytes read. */
  read: number;
  /** The walk continues after this campaign; null: it is complete. */
  last: string | null;
}

/** Campaigns of one page of a walk. */
const pageSize = 20;

/** The next page of a walk over a tenant's campaigns: at most `maxBytes`, plus the rest of the list in which they end. */
export async function eraseNextRecipients(
  { db, objects }: { db: D1Database; objects: CampaignObjects },
  tenant: string,
  after: string,
  person: Erasure,
  maxBytes: number,
): Promise<ErasedRecipients> {
  const sql = "SELECT id, list FROM campaigns WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
  const { results } = await db.prepare(sql).bind(tenant, after, pageSize).all<{ id: string; list: string | null }>();
  let [erased, read] = [0, 0];
  for (const { id, list } of results) {
    if (list !== null) {
      const blanked = await eraseRows(objects.bucket, list, person);
      erased += blanked.rows + (await eraseMails(objects.bucket, objects.pagesFolder(tenant, id), person));
      read += blanked.bytes;
    }
    erased += await removeRecipients(db, tenant, id, person.hashes);
    if (read >= maxBytes) return { erased, read, last: id };
  }
  return { erased, read, last: results.length === pageSize ? (results.at(-1)?.id ?? null) : null };
}

/** Overwrites rows with blanks, so that the offsets of the others stay: running pages address their rows by offset. */
async function eraseRows(bucket: R2Bucket, list: string, person: Erasure): Promise<{ rows: number; bytes: number }> {
  const counts = { rows: 0, bytes: 0 };
  for await (const piece of withoutRows(bucket, list, person, counts)) counts.bytes += piece.length;
  if (counts.rows === 0) return counts;
  const parts = equalParts(withoutRows(bucket, list, person, { rows: 0 }));
  const first = (await parts.next()).value ?? new Uint8Array();
  await putParts(bucket, list, {}, first, parts);
  return counts;
}

/** The bytes of a list in pieces of whole rows, with the rows that name the person blanked; counts those rows. */
async function* withoutRows(bucket: R2Bucket, list: string, person: Erasure, found: { rows: number }): AsyncGenerator<Uint8Array> {
  const object = await bucket.get(list);
  if (!object) return;
  const [decoder, encoder] = [new TextDecoder(), new TextEncoder()];
  const blanked = (text: string) => {
    if (!person.mayName(text)) return text;
    const rows = text.split("\n").map((row) => {
      if (!person.mayName(row) || !person.names(row)) return row;
      found.rows++;
      return " ".repeat(encoder.encode(row).length);
    });
    return rows.join("\n");
  };
  let rest = "";
  for await (const chunk of object.body) {
    const text = rest + decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    if (end > 0) yield encoder.encode(blanked(text.slice(0, end)));
  }
  yield encoder.encode(blanked(rest + decoder.decode()));
}

/** Removes the person's mails from rendered pages that may be sent again. A provider that has received the page refuses the changed one. */
async function eraseMails(bucket: R2Bucket, prefix: string, { mayName, names }: Erasure): Promise<number> {
  let erased = 0;
  for (let cursor: string | undefined, more = true; more;) {
    const page = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
    for (const { key } of page.objects) {
      const text = await (await bucket.get(key))?.text();
      if (text === undefined || !mayName(text)) continue;
      const body = JSON.parse(text) as PageBody;
      const messages = body.messages.filter((message) => !names(JSON.stringify(message)));
      if (messages.length < body.messages.length) await bucket.put(key, JSON.stringify({ ...body, messages }));
      erased += body.messages.length - messages.length;
    }
    more = page.truncated;
    cursor = page.truncated ? page.cursor : undefined;
  }
  return erased;
}

async function removeRecipients(db: D1Database, tenant: string, id: string, hashes: readonly string[]): Promise<number> {
  const sql = "DELETE FROM campaign_recipients WHERE tenant = ?1 AND campaign = ?2 AND hash IN (SELECT value FROM json_each(?3))";
  return changes(db, sql, tenant, id, JSON.stringify(hashes));
}
