import * as v from "valibot";
import { entitiesField } from "../../domain/events/entity";
import { leadResult, offerResult } from "../../domain/events/analysis";
import { jsonObject } from "../../bounded";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";

const payload = v.strictObject({
  subject: v.picklist(["lead", "offer"], "must be lead or offer"),
  data: v.pipe(jsonObject(), personal()),
  about: entitiesField,
});

export const analysis = defineJob({
  type: "analysis",
  payload,
  result: v.object({
    verdict: v.nullable(v.union([leadResult, offerResult])),
    model: v.nullable(v.string()),
    tokens: v.object({ input: v.number(), output: v.number() }),
  }),
  queue: "ai-agent-tasks",
  needs: ["models"],
  gates: ["models"],
  entities: ({ about: keys }) => keys ?? [],
  oneEffect: true,
  policy: { maxAttempts: 6, backoff: { base: 10, cap: 1800 }, timeout: 600 },
});
