import { Problem } from "../../errors";

/** How the bytes of a form become text. */
export interface Charset {
  /** The name in the Encoding Standard. */
  name: string;
  decode(bytes: Uint8Array): string;
}

/** The charset of a Content-Type; undefined when it names none. */
export function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*["']?([^\s"';]{1,40})/i.exec(contentType)?.[1];
}

/** The charset of a label. Without one, UTF-8 as `leniently` reads it. Throws 415 for a label that the platform cannot decode. */
export function charsetFor(label: string | undefined): Charset {
  const decoder = decoderFor(label ?? "utf-8");
  return { name: decoder.encoding, decode: decoder.encoding === "utf-8" ? leniently : (bytes) => decoder.decode(bytes) };
}

function decoderFor(label: string): TextDecoder {
  try {
    return new TextDecoder(label);
  } catch (cause) {
    const known = "Send the form as UTF-8, or name a charset of the WHATWG Encoding Standard, as iso-8859-1.";
    throw new Problem("unsupported-media-type", `The charset "${label}" is not known. ${known}`, { cause });
  }
}

/**
 * UTF-8, as nearly all pages send it. Other bytes are read as windows-1252, which pages without a charset send and which contains the other
 * charsets of Western Europe. A text with some letters in UTF-8 stays UTF-8: a few bytes of it were lost.
 */
function leniently(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8").decode(bytes);
  if (!text.includes("\uFFFD")) return text;
  return /[\u0080-\uFFFC]/.test(text) ? text : new TextDecoder("windows-1252").decode(bytes);
}
