import type { MailMessage } from "./mail";

// Limits of Cloudflare Email Service (E_HEADER_*), the lowest of all providers.
const maxHeaders = 20;
export const maxHeaderNameBytes = 100;
export const maxHeaderValueBytes = 2048;
const maxHeadersBytes = 16 * 1024;
const maxRecipients = 50;
/** Bytes of body and attachments of one mail, before encoding. A provider may have a lower limit. */
const maxMessageBytes = 10 * 1024 * 1024;

/** Headers that the mail's fields or the provider set. */
const reserved = new Set([
  ...["from", "to", "cc", "bcc", "subject", "reply-to", "sender", "date", "message-id", "mime-version", "return-path", "received", "dkim-signature"],
  ...["content-type", "content-transfer-encoding", "content-disposition"],
]);

/** The issue of a message, before any provider is called; undefined when there is none. Names fields, repeats no value. */
export function messageIssue(message: MailMessage): string | undefined {
  const { from, to, replyTo, subject, html, text, attachments = [] } = message;
  if (to.length === 0 || to.length > maxRecipients) return `a mail has 1 to ${maxRecipients} recipients, this one has ${to.length}`;
  if ([from, ...to, replyTo ?? "", subject].some(hasControl)) return "a sender, recipient or subject holds a line break or another control character";
  if (
    attachments.some(
      ({ filename, contentType }) => hasControl(filename) || !/^[\w.+-]{1,64}\/[\w.+-]{1,64}(?:; ?[\w-]{1,32}=[\w.+-]{1,64})?$/.test(contentType),
    )
  )
    return "an attachment's file name holds a control character, or its content type is none";
  const bytes = bytesOf(html ?? "") + bytesOf(text ?? "") + attachments.reduce((sum, { content }) => sum + content.byteLength, 0);
  if (bytes > maxMessageBytes) return `the mail has ${bytes} bytes with its attachments, at most ${maxMessageBytes} are sent`;
  return headersIssue(Object.entries(message.headers ?? {}));
}

function headersIssue(headers: readonly [name: string, value: string][]): string | undefined {
  if (headers.length > maxHeaders) return `a mail has at most ${maxHeaders} headers of its own, this one has ${headers.length}`;
  let total = 0;
  for (const [index, [name, value]] of headers.entries()) {
    const issue = headerIssue(name, value);
    if (issue !== undefined) return `header ${index + 1} ${issue}`;
    total += bytesOf(name) + bytesOf(value);
  }
  return total > maxHeadersBytes ? `the headers have ${total} bytes, at most ${maxHeadersBytes} are sent` : undefined;
}

function headerIssue(name: string, value: string): string | undefined {
  if (name.length > maxHeaderNameBytes) return `has a name of ${name.length} bytes, at most ${maxHeaderNameBytes} are sent`;
  // RFC 5322: visible ASCII without a colon.
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) return "has a name that is not visible ASCII without a colon";
  if (reserved.has(name.toLowerCase())) return "has a name that belongs to a field of the mail";
  if (bytesOf(value) > maxHeaderValueBytes) return `has a value of ${bytesOf(value)} bytes, at most ${maxHeaderValueBytes} are sent`;
  return hasControl(value) ? "has a line break or another control character in its value" : undefined;
}

function hasControl(text: string): boolean {
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
