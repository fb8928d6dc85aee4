import { failed, ok, type Failure, type Reply } from "../../queue/effect";
import type { ShopConnection } from "./connection";
import { idOf } from "./raw-row";
import { type ListQuery, pageQuery } from "./query";
import { resources } from "./resources";
import type { ShopResource } from "./row-types";
import type { IdPage, ShopPage } from "./shop";
import type { TruncationDetector } from "./complete-list";

/** An id costs the shop little: it loads no row. */
export const idsPerPage = 5000;

/** A page that may lack rows, or may be the last. */
interface Doubtful<Row> {
  page: ShopPage<Row>;
  /** Rows of its list, including visible failures to load. */
  length: number;
  limit: number;
}

/** The beginning of a page, and its window. */
type PageStart = Omit<ListQuery, "limit" | "display">;

/** Checks the pages of a shop against its lists of ids. */
export class PageCheck {
  readonly #connection: ShopConnection;
  readonly #lengths: TruncationDetector;

  constructor(connection: ShopConnection, lengths: TruncationDetector) {
    this.#connection = connection;
    this.#lengths = lengths;
  }

  /**
   * A page lacks rows that the shop fails to load (PrestaShop 8: silently), and a proxy may return fewer than requested. Only the list of ids from
   * the beginning of the page shows which rows are missing, and whether more follow. Where no row could be loaded, it also gives the id to continue
   * after.
   */
  async checked<Row extends { id: number }>(
    resource: ShopResource,
    part: PageStart,
    doubtful: Doubtful<Row>,
    signal: AbortSignal,
  ): Promise<Reply<ShopPage<Row>>> {
    const { page, length, limit } = doubtful;
    const listed = await this.#idsThrough(resource, part, page.lastId, signal);
    if (!listed.ok) return listed;
    const came = new Set(page.rows.map(({ id }) => id));
    const ids = listed.value.filter((id) => !came.has(id));
    if (came.size === 0 && ids.length > 0) return this.#passedOver(resource, { ...part, limit }, page, ids.slice(0, limit), signal);
    const more = ids.some((id) => id > page.lastId);
    if (more && length < limit) this.#lengths.wasCut(length);
    return ok({ ...page, missing: ids.filter((id) => id < page.lastId), more });
  }

  async ids(resource: ShopResource, part: ListQuery, signal: AbortSignal): Promise<Reply<IdPage>> {
    const reply = await this.#connection.list(resource, pageQuery(part), signal);
    if (!reply.ok) return reply;
    const ids = reply.value.elements.map(idOf);
    const valid = ids.filter((id) => id !== null);
    // A missed id would make its row count as deleted.
    if (valid.length < ids.length || valid.some((id) => id <= part.afterId)) return failed(stray(resource));
    return ok({ ids: valid.toSorted((a, b) => a - b), lastId: Math.max(part.afterId, ...valid), full: valid.length >= part.limit, more: valid.length > 0 });
  }

  async #passedOver<Row>(resource: ShopResource, part: ListQuery, page: ShopPage<Row>, missing: number[], signal: AbortSignal): Promise<Reply<ShopPage<Row>>> {
    const again = await this.#connection.list(resource, pageQuery({ ...part, display: resources[resource].display }), signal);
    if (!again.ok) return again;
    // Rows created between the two lists can be loaded now.
    if (again.value.elements.some((element) => idOf(element) !== null)) return ok({ ...page, more: true });
    const warnings = [`the shop failed to load ${missing.length} of its ${resource} behind id ${part.afterId}`];
    return ok({ ...page, lastId: Math.max(...missing), missing, more: true, warnings });
  }

  /** Ids after `afterId` until one exceeds `lastId`, or to the end. */
  async #idsThrough(resource: ShopResource, part: PageStart, lastId: number, signal: AbortSignal): Promise<Reply<number[]>> {
    for (let ids: number[] = [], { afterId } = part; ;) {
      const reply = await this.ids(resource, { ...part, afterId, limit: idsPerPage }, signal);
      if (!reply.ok) return reply;
      ids = [...ids, ...reply.value.ids];
      afterId = reply.value.lastId;
      if (!reply.value.more || afterId > lastId) return ok(ids);
    }
  }
}

/** The failure caused by a page cache in front of /api, or a module that changes the lists. */
export function stray(resource: ShopResource): Failure {
  const reason = `the shop answered with ${resource} that were not asked for: is there a cache in front of /api?`;
  return { class: "transient", code: "unreadable", reason };
}
