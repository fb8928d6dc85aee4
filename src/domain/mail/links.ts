// HTMLRewriter is not used. It takes <noscript> and <iframe> for text, which mail programs render. It changes only the first of two attributes of
// one name, and refuses a <style> within a <select>. It takes 6 to 10 times as long for each mail.
/** Attributes with an address that a mail program may open or load. */
const linking = new Set(["href", "src", "action", "formaction", "background", "data", "poster", "xlink:href"]);

/**
 * The HTML with every link that runs code (`javascript:`, `vbscript:`, `data:` other than an image) replaced by `#`,
 * however it is spelled. Escaping does not help: such a link is well-formed. Reads each character a bounded number of times.
 */
export function withoutScriptLinks(html: string): string {
  let result = "";
  let kept = 0;
  for (const { name, start, end } of attributesOf(html)) {
    if (!linking.has(name.toLowerCase()) || !runs(name, html.slice(start, end))) continue;
    result += `${html.slice(kept, start)}#`;
    kept = end;
  }
  return result + html.slice(kept);
}

interface Attribute {
  name: string;
  /** Position of the value, without its quotes. */
  start: number;
  end: number;
}

/** Elements whose content is text up to their end tag; `plaintext` has none. */
const rawText = new Set(["iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"]);
/** Inside these, the same names are ordinary elements. */
const foreign = new Set(["svg", "math"]);

const tag = /<(\/?)([a-z][^\s/>]*)/iy;
const attribute = /[\s/]+|([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?|[^>]/y;

/**
 * The attributes of every tag, in order. Comments are skipped. Inside raw text such as a style's, where a browser
 * has no tags, attributes are found as well, up to the end of that text.
 */
function* attributesOf(html: string, from = 0, to = html.length, nested = false): Generator<Attribute> {
  let at = from;
  let depth = 0;
  for (let start = html.indexOf("<", at); start !== -1 && start < to; start = html.indexOf("<", at)) {
    tag.lastIndex = start;
    const match = tag.exec(html);
    if (!match) {
      at = afterMarkup(html, start);
      continue;
    }
    const [, closing, written = ""] = match;
    const name = written.toLowerCase();
    at = yield* attributesFrom(html, tag.lastIndex, to);
    if (foreign.has(name)) depth = Math.max(0, depth + (closing ? -1 : 1));
    if (closing || nested || depth > 0 || !rawText.has(name)) continue;
    const end = Math.min(to, endOfText(html, name, at));
    yield* attributesOf(html, at, end, true);
    at = end;
  }
}

/** Returns the end of the tag. */
function* attributesFrom(html: string, from: number, to: number): Generator<Attribute, number> {
  attribute.lastIndex = from;
  let at = from;
  for (let match = attribute.exec(html); match && attribute.lastIndex <= to; match = attribute.exec(html)) {
    at = attribute.lastIndex;
    const value = match[2] ?? match[3] ?? match[4];
    if (match[1] === undefined || value === undefined) continue;
    const end = at - (match[4] === undefined ? 1 : 0);
    yield { name: match[1], start: end - value.length, end };
    attribute.lastIndex = at;
  }
  return at;
}

/** The end of a comment, a declaration or a lone `<`. */
function afterMarkup(html: string, start: number): number {
  if (html.startsWith("<!--", start)) {
    const empty = /<!---?>/y;
    empty.lastIndex = start;
    if (empty.test(html)) return empty.lastIndex;
    const close = /--!?>/g;
    close.lastIndex = start + 4;
    return close.test(html) ? close.lastIndex : html.length;
  }
  if (!/[!?/]/.test(html.charAt(start + 1))) return start + 1;
  const end = html.indexOf(">", start);
  return end === -1 ? html.length : end + 1;
}

function endOfText(html: string, name: string, from: number): number {
  if (name === "plaintext") return html.length;
  const close = new RegExp(`</${name}[\\s/>]`, "gi");
  close.lastIndex = from;
  return close.exec(html)?.index ?? html.length;
}

function runs(name: string, value: string): boolean {
  // Browsers drop control characters and spaces inside a scheme.
  const url = decodeReferences(value.slice(0, 2000)).replaceAll(/[\p{Cc}\s]/gu, "");
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "data") return !(name.toLowerCase() === "src" && /^data:image\/(?:png|jpe?g|gif|webp)[;,]/i.test(url));
  return scheme === "javascript" || scheme === "vbscript" || scheme === "livescript";
}

const named: Record<string, string> = { colon: ":", tab: "", newline: "", amp: "&", sol: "/", period: ".", lowbar: "_", nbsp: "", zwnj: "", zwj: "" };

function decodeReferences(value: string): string {
  return value.replaceAll(/&(?:#x([0-9a-f]{1,8})|#(\d{1,8})|([a-z]{1,10}));?/gi, (whole, hex?: string, digits?: string, name?: string) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole;
    const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
  });
}
