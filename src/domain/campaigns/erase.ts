import { partsOf, putParts } from "../../multipart";
import type { CampaignObjects, PageBody } from "./objects";

/** Whom to forget. */
export interface Erasure {
  /** Whether a text may name them: cheap, and wrong at times. */
  mayName(text: string): boolean;
  names(text: string): boolean;
  /** Of their addresses. */
  hashes: readonly string[];
}

export interface ErasedRecipients {
  /** Rows of lists, mails of rendered pages and rows of recipients that went. */
  erased: number;
  /** Bytes that were read. */
  read: number;
  /** The campaign behind which the walk goes on; null: nothing is left. */
  last: string | null;
}

/** Campaigns of one page of a walk. */
const pageSize = 20;

/** The next page of a walk over a tenant's campaigns, at most `maxBytes` and the list in which they end. */
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
      const found = await eraseRows(objects.bucket, list, person);
      erased += found.rows + (await eraseMails(objects.bucket, objects.pagesFolder(tenant, id), person));
      read += found.bytes;
    }
    erased += await removeRecipients(db, tenant, id, person.hashes);
    if (read >= maxBytes) return { erased, read, last: id };
  }
  return { erased, read, last: results.length === pageSize ? (results.at(-1)?.id ?? null) : null };
}

/** Blanks take the place of a row, so that every other stays where it is: pages under way name their rows by place. */
async function eraseRows(bucket: R2Bucket, list: string, person: Erasure): Promise<{ rows: number; bytes: number }> {
  const found = { rows: 0, bytes: 0 };
  for await (const piece of withoutRows(bucket, list, person, found)) found.bytes += piece.length;
  if (found.rows === 0) return found;
  const parts = partsOf(withoutRows(bucket, list, person, { rows: 0 }));
  const first = (await parts.next()).value ?? new Uint8Array();
  await putParts(bucket, list, {}, first, parts);
  return found;
}

/** The bytes of a list in pieces of whole rows, those that name the person blank; counts them. */
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

/** Mails of rendered pages that may be sent once more. A provider that has the page already refuses it in its new form. */
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
  return (await db.prepare(sql).bind(tenant, id, JSON.stringify(hashes)).run()).meta.changes;
}
