// The package's main entry includes a DOM and a serializer: 170 kB, and 10 ms at each start of an isolate.
import Tokenizer from "../../../node_modules/htmlparser2/dist/esm/Tokenizer.js";

/** Elements that are separated by an empty line. */
const paragraphs = new Set([
  "article",
  "aside",
  "blockquote",
  "dl",
  "figure",
  "footer",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "header",
  "ol",
  "p",
  "pre",
  "section",
  "table",
  "ul",
]);
const lines = new Set(["address", "body", "caption", "center", "dd", "div", "dt", "figcaption", "form", "li", "main", "nav", "tr"]);
const unseen = new Set(["head", "script", "style", "template", "title"]);

/**
 * The text of a mail's HTML, for programs that show no HTML: paragraphs, lists and table rows as lines, a link's address after its
 * text, a picture's alternative text. Reads each character once; never throws.
 */
export function textFromHtml(html: string): string {
  const writer = createWriter();
  const read = (start: number, end: number) => html.slice(start, end);
  let tag = { name: "", attributes: new Map<string, string>() };
  let attribute = "";
  const addToAttribute = (piece: string) => tag.attributes.set(attribute, (tag.attributes.get(attribute) ?? "") + piece);
  const opened = () => openTag(writer, tag.name, tag.attributes);
  const nothing = () => undefined;
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      onopentagname: (start, end) => void (tag = { name: read(start, end).toLowerCase(), attributes: new Map() }),
      onattribname: (start, end) => void (attribute = read(start, end).toLowerCase()),
      onattribdata: (start, end) => addToAttribute(read(start, end)),
      onattribentity: (codePoint) => addToAttribute(String.fromCodePoint(codePoint)),
      onattribend: nothing,
      onopentagend: opened,
      onselfclosingtag: opened,
      onclosetag: (start, end) => close(writer, read(start, end).toLowerCase()),
      ontext: (start, end) => writer.text(read(start, end)),
      ontextentity: (codePoint) => writer.text(String.fromCodePoint(codePoint)),
      ...{ oncdata: nothing, oncomment: nothing, ondeclaration: nothing, onend: nothing, onprocessinginstruction: nothing },
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return writer.end();
}

type Writer = ReturnType<typeof createWriter>;

function openTag(writer: Writer, name: string, attributes: ReadonlyMap<string, string>): void {
  if (unseen.has(name)) writer.hide(name);
  else if (name === "br") writer.lineBreak();
  else if (name === "hr") writer.gap(2);
  else if (name === "img") writer.text(attributes.get("alt") ?? "");
  else if (name === "td" || name === "th") writer.text(" ");
  else if (name === "a") writer.link(attributes.get("href") ?? "");
  else if (paragraphs.has(name)) writer.gap(2);
  else if (lines.has(name)) writer.gap(1);
  if (name === "li") writer.text("- ");
}

function close(writer: Writer, name: string): void {
  if (unseen.has(name)) writer.show(name);
  else if (name === "a") writer.endLink();
  else if (paragraphs.has(name)) writer.gap(2);
  else if (lines.has(name)) writer.gap(1);
}

/** Collects words; blanks between them become one, line breaks come from elements only. */
function createWriter() {
  const parts: string[] = [];
  let line: string[] = [];
  let breaks = 0;
  let blank = false;
  let hidden: string | undefined;
  let link: { href: string; at: number } | undefined;
  const flush = () => {
    for (const each of line) parts.push(each);
    line = [];
  };
  const gap = (count: number) => {
    if (parts.length > 0 || line.length > 0) breaks = Math.max(breaks, count);
    blank = false;
  };
  const addWord = (text: string) => {
    if (breaks > 0) {
      flush();
      parts.push("\n".repeat(breaks));
    } else if (blank && line.length > 0 && !line.at(-1)?.endsWith(" ")) line.push(" ");
    breaks = 0;
    blank = false;
    line.push(text);
  };
  return {
    gap,
    lineBreak: () => void ((breaks = Math.min(2, breaks + 1)), (blank = false)),
    text(text: string) {
      if (hidden !== undefined) return;
      for (const piece of text.split(/([ \t\n\f\r\u00a0]+)/)) {
        if (piece === "") continue;
        if (/^[ \t\n\f\r\u00a0]/.test(piece)) blank = true;
        else addWord(piece);
      }
    },
    hide: (name: string) => void (hidden ??= name),
    show: (name: string) => void (hidden = hidden === name ? undefined : hidden),
    link(href: string) {
      link = /^(?:https?|mailto|tel):/i.test(href) ? { href, at: line.length } : undefined;
    },
    endLink() {
      if (!link || hidden !== undefined) return;
      const linkText = line.slice(link.at).join("").trim();
      const address = link.href.replace(/^(?:mailto|tel):/i, "");
      if (linkText !== link.href && linkText !== address) addWord(`${blank || line.length === 0 ? "" : " "}(${address})`);
      link = undefined;
    },
    end() {
      flush();
      return `${parts.join("").trim()}\n`;
    },
  };
}
