import * as v from "valibot";
import { entitiesField, entityKeys } from "../../domain/events/entity";
import { mediaKey, operations } from "../../domain/media/model";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";
import { outputList } from "../../bounded";

const payload = v.strictObject({ key: mediaKey, operations, about: entitiesField });

export const image = defineJob({
  type: "image",
  payload,
  result: v.object({
    note: v.optional(v.string()),
    variants: v.optional(outputList(v.object({ name: v.string(), width: v.number(), height: v.number(), made: v.boolean() }))),
    altText: v.optional(v.pipe(v.string(), personal())),
  }),
  queue: "image-processing",
  needs: ["media", "images", "vision"],
  // An unreachable model holds back only jobs that need a text.
  gates: ({ operations }) => (operations.some(({ type }) => type === "alt-text") ? ["models"] : []),
  entities: ({ key, about: keys }) => [...entityKeys("media", key), ...(keys ?? [])],
  // One original in memory at a time. A picture takes one or two seconds; a model may take a minute.
  oneEffect: true,
  policy: { maxAttempts: 6, backoff: { base: 5, cap: 1800 }, timeout: 120, concurrency: 1 },
});
