import { withCommas } from "../../decimal";
import { Problem } from "../../errors";
import { equalParts, putParts } from "../../multipart";
import { maxListRecipients, maxRowBytes, rowFrom } from "./model";
import { createListReader, type ListFormat, type ListRow, NoHeader } from "./read-list";

/** A rejected row with its line, from 1. */
interface RejectedRow {
  line: number;
  error: string;
}

export interface UploadedList {
  accepted: number;
  /** The first 1,000 rejected rows. */
  rejected: RejectedRow[];
  rejectedCount: number;
  /** Bytes of the stored object. */
  bytes: number;
}

const maxListed = 1000;
/** Characters read without a pause; after each piece the isolate can answer other requests. */
const maxPiece = 65_536;

/**
 * Streams a list into the bucket, one line for each valid row. One row and one part of the upload are in memory.
 * An error of `chunks` aborts the upload and leaves no object. Throws `malformed`, `invalid` or `too-large` for an unreadable list.
 */
export async function uploadList(bucket: R2Bucket, key: string, chunks: AsyncIterable<Uint8Array>, format: ListFormat): Promise<UploadedList> {
  const list: UploadedList = { accepted: 0, rejected: [], rejectedCount: 0, bytes: 0 };
  const parts = equalParts(storedRows(chunks, format, list));
  const first = (await parts.next()).value ?? new Uint8Array();
  const { size } = await putParts(bucket, key, {}, first, parts);
  return { ...list, bytes: size };
}

async function* storedRows(chunks: AsyncIterable<Uint8Array>, format: ListFormat, list: UploadedList): AsyncGenerator<Uint8Array> {
  const reader = createListReader(format);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const encoder = new TextEncoder();
  let failure: unknown;
  // After an issue the rest is read and dropped: a sender whose upload is cut off does not receive the answer.
  const lines = (read: () => readonly ListRow[]) => {
    try {
      return encoder.encode(
        failure === undefined
          ? read()
              .map((row) => lineOf(row, list))
              .join("")
          : "",
      );
    } catch (thrown) {
      failure = thrown;
      return new Uint8Array();
    }
  };
  const decode = (chunk: Uint8Array) => {
    try {
      return failure === undefined ? decoder.decode(chunk, { stream: true }) : "";
    } catch (thrown) {
      failure = thrown;
      return "";
    }
  };
  for await (const chunk of chunks) {
    const text = decode(chunk);
    for (let from = 0; from < text.length; from += maxPiece) yield lines(() => reader.push(text.slice(from, from + maxPiece)));
  }
  yield lines(() => [...reader.push(decoder.decode()), ...reader.end()]);
  if (failure !== undefined) throw problemOf(failure);
}

function problemOf(failure: unknown): unknown {
  if (failure instanceof NoHeader) return new Problem("invalid", failure.message, { errors: [{ path: "line 1", message: failure.message }] });
  return failure instanceof TypeError ? new Problem("malformed", "The list is not UTF-8.", { cause: failure }) : failure;
}

/** The stored row with its line break; empty for a rejected row. */
function lineOf(row: ListRow, list: UploadedList): string {
  if ("issue" in row) return reject(row.line, row.issue, list);
  const text = `${rowFrom(row)}\n`;
  if (new TextEncoder().encode(text).length > maxRowBytes) return reject(row.line, `the row is stored with more than ${withCommas(maxRowBytes)} bytes`, list);
  if (++list.accepted > maxListRecipients) throw new Problem("too-large", `A list may have at most ${withCommas(maxListRecipients)} recipients.`);
  return text;
}

function reject(line: number, error: string, list: UploadedList): string {
  list.rejectedCount++;
  if (list.rejected.length < maxListed) list.rejected.push({ line, error });
  return "";
}
