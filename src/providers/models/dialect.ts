import type { ResponseFormat, TokensParameter } from "./settings";

/** How requests to an endpoint are written where models and vendors differ. */
export interface Dialect {
  /** Undefined: not sent. */
  temperature: number | undefined;
  tokensParameter: TokensParameter;
  responseFormat: ResponseFormat;
  /** Tokens of an answer without a bound of call or connection. */
  maxTokens: number;
}

type Trait = Exclude<keyof Dialect, "maxTokens">;

/** The longest refusal that is searched for names, in characters. */
const maxSearched = 4000;

/**
 * The next dialect after a refusal that names a sent parameter: the parameter is omitted, or, where there is one, its
 * other name or the next weaker kind is used. Undefined: the refusal names none, so a repeat is useless.
 */
export function withoutRefused(sent: Dialect, refusal: { param?: unknown; text: string }): Dialect | undefined {
  const named = traitIn(String(refusal.param ?? ""), sent) ?? traitIn(refusal.text.slice(0, maxSearched), sent);
  return named && { ...sent, ...weaker[named](sent) };
}

/** The trait whose name is first in the text. */
function traitIn(text: string, sent: Dialect): Trait | undefined {
  const places = (Object.keys(namesOf) as Trait[]).map((trait) => ({ trait, at: text.search(namesOf[trait](sent)) })).filter(({ at }) => at >= 0);
  return places.toSorted((a, b) => a.at - b.at)[0]?.trait;
}

const nothing = /(?!)/;

/** Patterns by which refusals name the sent parameters. */
const namesOf: { [Name in Trait]: (sent: Dialect) => RegExp } = {
  temperature: ({ temperature }) => (temperature === undefined ? nothing : /\btemperature\b/i),
  tokensParameter: ({ tokensParameter }) => (tokensParameter === "none" ? nothing : new RegExp(`\\b${tokensParameter}\\b`, "i")),
  responseFormat: ({ responseFormat }) =>
    responseFormat === "none" ? nothing : /\bresponse[_ ](?:format|schema)\b|\bjson[_ ](?:schema|object|mode)\b|\bstructured[_ ]outputs?\b/i,
};

const weaker: { [Name in Trait]: (sent: Dialect) => Partial<Dialect> } = {
  temperature: () => ({ temperature: undefined }),
  tokensParameter: ({ tokensParameter }) => ({ tokensParameter: tokensParameter === "max_completion_tokens" ? "max_tokens" : "none" }),
  responseFormat: ({ responseFormat }) => ({ responseFormat: responseFormat === "json_schema" ? "json_object" : "none" }),
};
