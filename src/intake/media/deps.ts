import type { Format } from "../../images/format";
import type { Media, Variant } from "../../domain/media/model";
import type { MediaPage } from "../../domain/media/queries";
import type { Refused } from "../../queue/request";

/** What the routes about pictures and the reader of notifications need besides the rest. Everything throws when R2 or D1 cannot be reached. */
export interface MediaDeps {
  /**
   * Streams an original into the bucket, notes it and enqueues what is made of it. `found`: it is no picture, and what it is.
   * `refused`: it is stored, and its jobs were not accepted. `full`: too many uploads are under way, of the tenant or here.
   */
  put(
    tenant: string,
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    about: readonly string[],
  ): Promise<{ found: string } | { full: "tenant" | "isolate" } | { stored: Format; refused: Refused | null }>;
  get(tenant: string, key: string): Promise<Media | null>;
  list(tenant: string, prefix: string, page: { after: string; limit: number }): Promise<MediaPage>;
  open(variant: Variant): Promise<R2ObjectBody | null>;
  /** False: there is no such picture. */
  setText(tenant: string, key: string, text: string | null): Promise<boolean>;
  /** False: there was no such picture. */
  remove(tenant: string, key: string): Promise<boolean>;
  /** Does what the bucket says of an original: enqueues what is made of it, or removes what was. Safe to repeat. */
  noticed(tenant: string, key: string): Promise<Refused | null>;
}
