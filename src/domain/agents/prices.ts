import type { Price } from "../../providers/models/models";

/**
 * By model, without the date that a provider appends. Compared by hand on 2026-11-26 with developers.cloudflare.com/workers-ai/platform/pricing, and with
 * developers.openai.com/api/docs/pricing as of March to June 2026. The prices are those of prompts under 270,000 tokens: a run's budget allows no
 * longer ones. Cached input and batches cost less than in this table. A connection's own `price` goes before it.
 */
const table: Record<string, Price> = {
  "gpt-5.5": { input: 5, output: 30 },
  "gpt-5.4-pro": { input: 30, output: 180 },
  "gpt-5.4": { input: 2.5, output: 15 },
  "gpt-5.4-mini": { input: 0.75, output: 4.5 },
  "gpt-5.4-nano": { input: 0.2, output: 1.25 },
  "gpt-5.2": { input: 1.75, output: 14 },
  "gpt-5": { input: 1.25, output: 10 },
  "gpt-5-mini": { input: 0.25, output: 2 },
  "gpt-5-nano": { input: 0.05, output: 0.4 },
  "gpt-4.1": { input: 2, output: 8 },
  "gpt-4.1-mini": { input: 0.4, output: 1.6 },
  "gpt-4.1-nano": { input: 0.1, output: 0.4 },
  "gpt-4o": { input: 2.5, output: 10 },
  "gpt-4o-mini": { input: 0.15, output: 0.6 },
  "o3-mini": { input: 1.1, output: 4.4 },
  "o4-mini": { input: 1.1, output: 4.4 },
  "@cf/meta/llama-3.1-8b-instruct": { input: 0.282, output: 0.827 },
  "@cf/meta/llama-3.3-70b-instruct-fp8-fast": { input: 0.293, output: 2.253 },
};

/** For a model outside the table. Most cost less; for one that costs more the connection should set `price`. */
export const unknownPrice: Price = { input: 5, output: 30 };

/** The connection's own price, else the table's, else that of an unknown model. */
export function priceOf(model: string, own?: Price): Price {
  const name = model
    .slice(0, 200)
    .replace(/^[a-z-]+\/(?=gpt|o\d)/, "")
    .replace(/-\d{4}-\d\d-\d\d$/, "");
  return own ?? (Object.hasOwn(table, name) ? table[name] : undefined) ?? unknownPrice;
}
