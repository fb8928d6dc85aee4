import * as v from "valibot";
import { boundedName, formerName, isoTime, outputList } from "../../../bounded";
import { unreadableRows } from "../sync/unreadable-shape";

/** The name of a site in a payload. */
export const siteId = boundedName();

const progressShape = v.object({
  cursor: v.pipe(v.nullable(isoTime), v.description("Everything changed up to here is stored")),
  lastSuccess: v.nullable(isoTime),
  lag: v.pipe(v.nullable(v.number()), v.description("Seconds between the cursor and now")),
  count: v.pipe(v.number(), v.description("Stored; counted up to 100,000")),
});

/** Why the syncs of a site stand still, or went wrong. */
export const syncHealth = v.object({
  paused: v.nullable(v.object({ reason: v.string(), since: v.nullable(isoTime), nextTryAt: v.nullable(isoTime) })),
  lastError: v.pipe(
    v.nullable(v.object({ at: v.nullable(isoTime), reason: v.string() })),
    v.description("Why the newest run could not go on; null once a call succeeded"),
  ),
});

/** The state of a site's syncs. */
export const syncShape = v.object({
  ...syncHealth.entries,
  orders: v.object({ ...progressShape.entries, deleted: v.number() }),
  products: v.object({ ...progressShape.entries, deleted: v.number() }),
  unreadable: v.pipe(
    v.object({ count: v.number(), newest: unreadableRows }),
    v.description("Rows of the shop that could not be read completely; each run reads them again"),
  ),
  warnings: v.pipe(outputList(v.string()), v.description("Details that the syncs go without, such as a permission that the key lacks")),
  timezone: v.nullable(v.string()),
  timeZone: formerName("timezone", v.nullable(v.string())),
  eventsPending: v.number(),
});

export type SyncView = v.InferOutput<typeof syncShape>;
