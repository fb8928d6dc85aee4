/** Attributes whose value a mail program may open or load. */
const linking = new Set(["href", "src", "action", "formaction", "background", "poster", "xlink:href"]);

/**
 * The html with every link that would run something (`javascript:`, `vbscript:`, `data:` other than an image's) replaced by `#`,
 * however it is spelled. Escaping cannot help there: such a link is well-formed. Reads each character a bounded number of times.
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
  /** Of the value, without its quotes. */
  start: number;
  end: number;
}

function* attributesOf(html: string): Generator<Attribute> {
  const tag = /<[a-z][^\s/>]*/gi;
  const attribute = /[\s/]+|([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?|[^>]/y;
  while (tag.exec(html)) {
    attribute.lastIndex = tag.lastIndex;
    for (let match = attribute.exec(html); match; match = attribute.exec(html)) {
      const value = match[2] ?? match[3] ?? match[4];
      tag.lastIndex = attribute.lastIndex;
      if (match[1] === undefined || value === undefined) continue;
      const end = attribute.lastIndex - (match[4] === undefined ? 1 : 0);
      yield { name: match[1], start: end - value.length, end };
    }
  }
}

function runs(name: string, value: string): boolean {
  // Browsers drop control characters and spaces inside a scheme.
  const url = decoded(value.slice(0, 2000)).replaceAll(/[\p{Cc}\s]/gu, "");
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "data") return !(name.toLowerCase() === "src" && /^data:image\/(?:png|jpe?g|gif|webp)[;,]/i.test(url));
  return scheme === "javascript" || scheme === "vbscript" || scheme === "livescript";
}

const named: Record<string, string> = { colon: ":", tab: "", newline: "", amp: "&", sol: "/", period: ".", lowbar: "_", nbsp: "", zwnj: "", zwj: "" };

function decoded(value: string): string {
  return value.replaceAll(/&(?:#x([0-9a-f]{1,8})|#(\d{1,8})|([a-z]{1,10}));?/gi, (whole, hex?: string, digits?: string, name?: string) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole;
    const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
  });
}
