import { withCommas } from "../decimal";
import { Problem } from "../errors";
import { checkJson, parseJson } from "../json/json";
import type { BodyRule } from "./route";
import { validate } from "../queue/validate";

export const smallBody = 1024 * 1024;
/** Bytes of a project's settings. Each change writes them into the tenant's snapshot. */
export const projectBody = 64 * 1024;
export const largeBody = 10 * 1024 * 1024;
/** Bytes read and discarded beyond a limit before the connection is closed. */
const maxDiscarded = 32 * 1024 * 1024;
const createDecoder = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const utf8 = createDecoder();

/** Reads, parses and validates a JSON body; throws the Problem with its issues. `allow` checks it before any issue of its content is reported. */
export async function readJson<Body>(
  request: Request,
  rule: BodyRule<Body>,
  allow: (value: unknown) => void = () => undefined,
): Promise<{ body: Body; length: number }> {
  requireJson(request);
  const text = await readText(request, rule.limit);
  const value = text === "" && rule.optional ? {} : parsedJson(text);
  allow(value);
  const issues = rule.jsonCheckedLater ? [] : checkJson(value);
  if (issues.length > 0) throw new Problem("invalid", "The body has values that cannot be stored.", { errors: issues });
  return { body: validate(rule.schema, value, "The body"), length: text.length };
}

/** The body as text. Each piece is decoded when it arrives, so memory holds the text and one piece. */
export async function readText(request: Request, limit: number): Promise<string> {
  const next = boundedReader(request, limit);
  const first = await next();
  if (!first) return "";
  const second = await next();
  // Most come in one piece.
  if (!second) return decodePiece(utf8, first);
  const decoder = createDecoder();
  let text = decodePiece(decoder, first, { stream: true });
  for (let piece: Uint8Array | undefined = second; piece; piece = await next()) text += decodePiece(decoder, piece, { stream: true });
  return text + decodePiece(decoder);
}

function decodePiece(decoder: TextDecoder, bytes?: Uint8Array, options?: { stream: boolean }): string {
  try {
    return decoder.decode(bytes, options);
  } catch (cause) {
    throw new Problem("malformed", "The body is not UTF-8.", { cause });
  }
}

/** The body's bytes as they were sent, for what is signed. */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const next = boundedReader(request, limit);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let chunk = await next(); chunk; chunk = await next()) chunks.push(chunk);
  // Most come in one piece.
  return chunks.length === 1 && chunks[0] ? chunks[0] : new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** The body's bytes while they arrive. */
export async function* chunksOf(request: Request, limit: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const next = boundedReader(request, limit);
  for (let chunk = await next(); chunk; chunk = await next()) yield chunk;
}

/** Each call reads the next part; undefined at the end. Bytes are counted while they arrive, because Content-Length may be missing or wrong. */
function boundedReader(request: Request, limit: number): () => Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined = request.body?.getReader();
  if (!reader) return () => Promise.resolve(undefined);
  const announced = Number(request.headers.get("content-length") ?? NaN);
  let bytes = 0;
  return async () => {
    if (announced > limit) throw await tooLarge(reader, limit);
    // The body ends there; asking for its end would cost each request a call of the runtime more.
    if (bytes === announced) return undefined;
    const { done, value } = await reader.read();
    if (done) return undefined;
    bytes += value.byteLength;
    if (bytes > limit) throw await tooLarge(reader, limit);
    return value;
  };
}

/** Media types that `fetch` and `curl -d` add by default, whatever the body is. */
const unsaid = ["", "text/plain", "application/x-www-form-urlencoded"];

/** A body without a media type, or with one that clients add by default, is read as JSON. Throws 415 for any other media type. */
function requireJson(request: Request): void {
  const encoding = (request.headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (!["", "identity"].includes(encoding)) throw new Problem("unsupported-media-type", "Send the body as it is, without a Content-Encoding.");
  const [type = "", ...parameters] = (request.headers.get("content-type") ?? "application/json").toLowerCase().split(";");
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith("charset="));
  const isJson = unsaid.includes(type.trim()) || /^application\/([a-z0-9.!#$&^_-]+\+)?json$/.test(type.trim());
  if (!isJson) throw new Problem("unsupported-media-type", "Send application/json.");
  if (charset && !/^charset="?utf-?8"?$/.test(charset)) throw new Problem("unsupported-media-type", "Send JSON as UTF-8.");
}

/** The parsed JSON; throws the Problem with the position of the first error. */
export function parsedJson(text: string): unknown {
  const json = parseJson(text);
  if (json.ok) return json.value;
  if (json.reason === "malformed") throw new Problem("malformed", `The body is not JSON: ${json.message}.`);
  throw new Problem("invalid", `The body is too complex: ${json.message}.`, { errors: [{ path: "", message: json.message }] });
}

/** Reads on and discards: a sender that is still sending would lose the answer with the connection. */
async function tooLarge(reader: ReadableStreamDefaultReader<Uint8Array>, limit: number): Promise<Problem> {
  try {
    for (let discarded = 0; discarded <= maxDiscarded;) {
      const { done, value } = await reader.read();
      if (done) break;
      discarded += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // The sender disconnected first; the answer is the same and reaches no reader.
  }
  return new Problem("too-large", `The body may have at most ${withCommas(limit)} bytes.`);
}
