import { parseJson } from "./json";

/** Tags in which models think aloud before they answer. */
const thinking = ["think", "thinking", "reasoning"];

/** Rounds of thoughts that are looked for; a text with more is left as it is. */
const maxThoughts = 4;

/** The text without what a model thought aloud before its answer, whether or not the opening tag came with it. */
export function withoutThinking(text: string): string {
  let rest = text;
  for (let round = 0; round < maxThoughts; round++) {
    const end = endOfThought(rest);
    if (end === undefined) break;
    rest = rest.slice(end);
  }
  return rest.trim();
}

function endOfThought(text: string): number | undefined {
  for (const tag of thinking) {
    const end = text.indexOf(`</${tag}>`);
    if (end >= 0 && isThought(tag, text)) return end + tag.length + 3;
  }
  return undefined;
}

/** A closing tag inside JSON is part of the JSON. */
function isThought(tag: string, text: string): boolean {
  const start = text.slice(0, 200).trimStart();
  return start.startsWith(`<${tag}>`) || !/^(?:```|[{["])/.test(start);
}

/**
 * The JSON value in a model's text: the whole text, else what its code fence holds, else from the first brace to the last.
 * Undefined when that is no JSON. Takes time in proportion to the text.
 */
export function jsonIn(text: string): unknown {
  const answer = withoutThinking(text.replace(/^\uFEFF/, ""));
  for (const candidate of [answer, fenced(answer), braced(answer)]) {
    const value = candidate === undefined ? undefined : parsed(candidate);
    if (value !== undefined) return value;
  }
  return undefined;
}

function fenced(text: string): string | undefined {
  const open = text.indexOf("```");
  const line = text.indexOf("\n", open);
  const close = line < 0 ? -1 : text.indexOf("```", line);
  return open < 0 || close < 0 ? undefined : text.slice(line + 1, close);
}

function braced(text: string): string | undefined {
  const [first, last] = [text.indexOf("{"), text.lastIndexOf("}")];
  return first < 0 || last < first ? undefined : text.slice(first, last + 1);
}

/** A model may be made to nest it without end. */
function parsed(text: string): unknown {
  const json = parseJson(text);
  return json.ok ? json.value : undefined;
}
