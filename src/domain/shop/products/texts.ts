import * as v from "valibot";
import type { Product } from "../../../providers/shop/row-types";
import { boundedText } from "../../../bounded";
import type { ListPage } from "../list";
import { siteRows, type SiteScope, siteStatement } from "../scope";

/** Approved texts of one product. Stored here only: we do not write to the shop. */
export const productText = v.strictObject({
  productId: v.pipe(v.number("must be a product's id"), v.integer("must be a whole number"), v.minValue(1, "must be at least 1")),
  description: boundedText(4000, { min: 1, trim: true }),
  metaTitle: boundedText(70, { min: 1, trim: true }),
  metaDescription: boundedText(160, { min: 1, trim: true }),
});

export type ProductText = v.InferOutput<typeof productText>;

/** A product as a model reads it. Its texts were written by the shop's staff. */
export interface ProductToDescribe {
  productId: number;
  name: string;
  reference: string;
  description: string;
  metaTitle: string;
}

/**
 * Active products, by id, whose description or search-engine title is empty and which have no approved text.
 * Rows from before these fields were read are omitted until a sync reads them again.
 */
export async function productsLackingTexts(
  scope: SiteScope,
  { ids, limit }: { ids?: readonly number[] | undefined; limit: number },
): Promise<ProductToDescribe[]> {
  const rows = await siteRows<{ body: string }>(scope, lackingSql, ids === undefined ? null : JSON.stringify(ids), limit);
  return rows.map(({ body }) => {
    const { id, name, reference, description = "", metaTitle = "" } = JSON.parse(body) as Product;
    return { productId: id, name, reference, description, metaTitle };
  });
}

/** Replaces the texts of these products. */
export async function saveProductTexts(scope: SiteScope, job: string, texts: readonly ProductText[], now: number): Promise<void> {
  await siteStatement(scope, saveSql, JSON.stringify(texts), job, now).run();
}

type ProductTextView = ProductText & { job: string; at: string };

/** By product. */
export async function listProductTexts(
  scope: SiteScope,
  { after = 0, limit }: { after?: number | undefined; limit: number },
): Promise<ListPage<ProductTextView>> {
  const rows = await siteRows<Omit<ProductTextView, "at"> & { at: number }>(scope, listSql, after, limit + 1);
  const items = rows.slice(0, limit).map(({ at, ...text }) => ({ ...text, at: new Date(at).toISOString() }));
  return { items, next: rows.length > limit ? (items.at(-1)?.productId ?? null) : null };
}

const listSql = `
  SELECT product AS productId, description, meta_title AS metaTitle, meta_description AS metaDescription, job, at FROM product_texts
  WHERE tenant = ?1 AND site = ?2 AND product > ?3 ORDER BY product LIMIT ?4`;

const lackingSql = `
  SELECT p.body FROM shop_products p
  WHERE p.tenant = ?1 AND p.site = ?2 AND p.deleted IS NULL AND (?3 IS NULL OR p.id IN (SELECT value FROM json_each(?3)))
    AND (?3 IS NOT NULL OR p.active = 1) AND (p.body ->> 'description' = '' OR p.body ->> 'metaTitle' = '')
    AND NOT EXISTS (SELECT 1 FROM product_texts t WHERE t.tenant = p.tenant AND t.site = p.site AND t.product = p.id)
  ORDER BY p.id LIMIT ?4`;

const saveSql = `
  INSERT INTO product_texts (tenant, site, product, description, meta_title, meta_description, job, at)
  SELECT ?1, ?2, value ->> 'productId', value ->> 'description', value ->> 'metaTitle', value ->> 'metaDescription', ?4, ?5 FROM json_each(?3) WHERE true
  ON CONFLICT DO UPDATE SET description = excluded.description, meta_title = excluded.meta_title, meta_description = excluded.meta_description,
    job = excluded.job, at = excluded.at`;
