import * as v from "valibot";
import { productText } from "../shop/products/texts";
import { boundedList, boundedName } from "../../bounded";
import { failed, ok } from "../../queue/effect";
import { defineAgent, defineTool } from "./define";
import { daySeconds } from "../../time/day";

/** Products of one run. */
const maxProducts = 10;

const productId = v.pipe(v.number("must be a product's id"), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"));
const texts = boundedList(productText, maxProducts);
const key = (product: number) => `product:${product}`;

const input = v.strictObject({
  siteId: boundedName("must be a site"),
  productIds: v.optional(boundedList(productId, maxProducts, { min: 1 })),
});

const readAltTexts = defineTool({
  name: "read_alt_texts",
  description: "The alternative texts of a product's pictures: what can be seen on them.",
  input: v.strictObject({ productId }),
  reads: "untrusted",
  writes: "none",
  ids: ({ productId: id }) => [key(id)],
  act: async ({ productId: id }, { world }) => ok({ output: await world.altTexts(id) }),
});

const saveTexts = defineTool({
  name: "save_texts",
  description: "Stores descriptions and titles of products, once a person has agreed.",
  input: v.strictObject({ texts: boundedList(productText, maxProducts, { min: 1 }) }),
  reads: "trusted",
  writes: "tenant",
  approval: true,
  idempotentFor: 7 * daySeconds,
  ids: ({ texts: all }) => all.map(({ productId: id }) => key(id)),
  act: async ({ texts: all }, { world, job, input: given }) => {
    const { siteId } = given as v.InferOutput<typeof input>;
    await world.saveProductTexts(siteId, job, all);
    return ok({
      output: { stored: all.map(({ productId: id }) => id), shop: "not written: the texts are kept here, to be read from /v1/sites/{site}/product-texts" },
    });
  },
});

/** Writes descriptions and titles for products without them. Its output is a proposal; approval stores it in our database. */
export const contentManagement = defineAgent({
  type: "content-management",
  description: "Writes descriptions and titles for products of a shop that lack them; a person approves what is stored.",
  instructions:
    "You write product texts for an online shop. For each product of the list write a description of two to four sentences, a title for search engines of at most " +
    "60 characters and a description for search engines of at most 150. Write in the language of the product's name. Say only what name, reference, present description " +
    "and alternative texts of its pictures show: invent no material, size, price or promise. No HTML, no addresses, no e-mail addresses, no telephone numbers. " +
    "Leave out a product of which you know too little.",
  isPersonal: false,
  input,
  async prepare({ siteId, productIds }, { world }) {
    const products = await world.productsLackingTexts(siteId, { ids: productIds, limit: maxProducts });
    if (products === null) return failed({ class: "config", reason: `there is no site "${siteId}"` });
    return ok({ data: { products }, ids: products.map(({ productId: id }) => key(id)), reads: "untrusted", isEmpty: products.length === 0 });
  },
  tools: [readAltTexts],
  output: v.strictObject({ texts }),
  conclusion: { tool: saveTexts, inputFrom: ({ texts: all }) => (all.length === 0 ? undefined : { texts: all }) },
  limits: { maxSteps: 8 },
});
