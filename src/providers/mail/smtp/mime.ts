import { toBase64 } from "../../../base64";
import type { Attachment, MailMessage } from "../mail";
import { type Mailbox, mailboxOf } from "../mailbox";

interface MimeOptions {
  /** Without angle brackets. */
  messageId: string;
  /** Milliseconds. */
  date: number;
}

/** Characters of a line (RFC 5322 §2.1.1): the limit, and the recommended length. */
const maxLine = 998;
const usualLine = 78;

/** The encoded message (RFC 5322, RFC 2045): ASCII lines of at most 998 bytes, ended by CRLF. The same input gives the same bytes. */
export function toMime(message: MailMessage, { messageId, date }: MimeOptions): string {
  const headers: [name: string, value: string][] = [
    ["From", mailbox(mailboxOf(message.from))],
    ["To", message.to.map((each) => mailbox(mailboxOf(each))).join(",\r\n ")],
    ...(message.replyTo === undefined ? [] : ([["Reply-To", mailbox(mailboxOf(message.replyTo))]] as [string, string][])),
    ["Subject", text("Subject", message.subject)],
    ["Date", new Date(date).toUTCString().replace("GMT", "+0000")],
    ["Message-ID", `<${messageId}>`],
    ["MIME-Version", "1.0"],
    ...Object.entries(message.headers ?? {}).map(([name, value]): [string, string] => [name, text(name, value)]),
  ];
  // The parts are base64, so none of their lines can be a boundary.
  const boundary = `=_${messageId.replaceAll(/[^\w]/g, "").slice(0, 40)}`;
  return `${headers.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n${content(message, boundary)}`;
}

function content({ html, text: plain, attachments = [] }: MailMessage, boundary: string): string {
  const bodies = [...(plain === undefined ? [] : [part("text/plain", plain)]), ...(html === undefined ? [] : [part("text/html", html)])];
  const body = bodies.length === 1 ? (bodies[0] ?? "") : multipart("alternative", `${boundary}.a`, bodies);
  return attachments.length === 0 ? body : multipart("mixed", `${boundary}.m`, [body, ...attachments.map(attached)]);
}

function multipart(kind: string, boundary: string, parts: readonly string[]): string {
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${parts.map((each) => `--${boundary}\r\n${each}\r\n`).join("")}--${boundary}--\r\n`;
}

function part(type: string, body: string): string {
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${wrapped(toBase64(new TextEncoder().encode(body)))}`;
}

function attached({ filename, contentType, content: bytes }: Attachment): string {
  const headers = `Content-Type: ${contentType}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n ${filenameParameter(filename)}`;
  return `${headers}\r\n\r\n${wrapped(toBase64(bytes))}`;
}

/** RFC 2231 for all names: none of its characters needs quoting. A long name continues in numbered parts, one a line. */
function filenameParameter(filename: string): string {
  const encodedName = encodeURIComponent(filename.toWellFormed()).replaceAll(/['()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
  const parts = `utf-8''${encodedName}`.match(/(?:%..|[^%]){1,20}/g) ?? [];
  if (parts.length === 1) return `filename*=${parts[0]}`;
  return parts.map((part, index) => `filename*${index}*=${part}`).join(";\r\n ");
}

/** Lines of 76 characters, as RFC 2045 requires. */
function wrapped(encoded: string): string {
  return encoded.replaceAll(/.{76}/g, "$&\r\n");
}

function mailbox({ name, address }: Mailbox): string {
  if (name === undefined) return address;
  const displayName = isPlain(name) ? `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"` : encoded(name);
  return `${displayName} <${address}>`;
}

/** Plain text stays unencoded: programs read headers such as `List-Unsubscribe`. */
function text(name: string, value: string): string {
  return isPlain(value) && fitsLines(name, value) ? folded(name, value) : encoded(value);
}

/** Whether the header fits into lines that every server accepts, without encoding. */
export function fitsLines(name: string, value: string): boolean {
  return folded(name, value)
    .split("\r\n")
    .every((line, index) => line.length + (index === 0 ? name.length + 2 : 0) <= maxLine);
}

/** Folded before spaces, which stay (RFC 5322 §2.2.3), into lines of at most 78 characters where the words allow it. */
function folded(name: string, value: string): string {
  const lines: string[] = [""];
  let room = usualLine - name.length - 2;
  for (const word of value.split(/(?<=[^ ])(?= +[^ ])/)) {
    const line = lines.pop() ?? "";
    if (line !== "" && line.length + word.length > room) {
      lines.push(line, word);
      room = usualLine;
    } else lines.push(line + word);
  }
  return lines.join("\r\n");
}

/** Whether the value is ASCII and cannot be read as an encoded word. */
function isPlain(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value) && !value.includes("=?");
}

/** Encoded words (RFC 2047) of at most 75 characters, each of whole code points, one a line. */
function encoded(value: string): string {
  const words: string[] = [];
  let word = "";
  for (const character of value.toWellFormed()) {
    if (bytes(word + character).byteLength > 45) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((each) => `=?utf-8?B?${toBase64(bytes(each))}?=`).join("\r\n ");
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
