/** An element: attributes, child elements, text. Namespaces are part of the name. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

const maxDepth = 16;
const entities: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
const token =
  /<!\[CDATA\[([\s\S]*?)\]\]>|<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<\/([\w:.-]+)\s*>|<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/gy;

/**
 * Reads the XML of the webservice. Undefined for anything else: a document type (so no entity is expanded),
 * an unclosed element, text after the root, more than 16 levels.
 */
export function readXml(text: string): Element | undefined {
  const open: Element[] = [{ name: "", attributes: {}, children: [], text: "" }];
  let at = 0;
  for (const found of text.matchAll(token)) {
    at = found.index + found[0].length;
    if (!closeOrAdd(found, open)) return undefined;
  }
  const [root] = open[0]?.children ?? [];
  const whole = at === text.length && open.length === 1 && open[0]?.children.length === 1 && open[0].text.trim() === "";
  return whole ? root : undefined;
}

function closeOrAdd([, data, closing, opening, attributes, empty, plain]: RegExpExecArray, open: Element[]): boolean {
  const here = open.at(-1);
  if (!here) return false;
  if (closing !== undefined) return open.length > 1 && open.pop()?.name === closing;
  if (opening !== undefined) {
    const element = { name: opening, attributes: attributesOf(attributes ?? ""), children: [], text: "" };
    here.children.push(element);
    if (!empty) open.push(element);
    return open.length <= maxDepth;
  }
  here.text += data ?? decodeEntities(plain ?? "");
  return true;
}

function attributesOf(text: string): Record<string, string> {
  const matches = text.matchAll(/(?<![\w:.-])([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
  return Object.fromEntries([...matches].map(([, name = "", double, single]) => [name, decodeEntities(double ?? single ?? "")]));
}

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return (Object.hasOwn(entities, name) && entities[name]) || whole;
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
