import * as v from "valibot";
import { entitiesField } from "../../domain/events/entity";
import { destinationGate, subscriptionGate } from "../../domain/gates/model";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";
import { boundedName, boundedText, fieldRule } from "../../bounded";

const name = boundedName();
const targets = ["connection", "subscription", "destination", "url"] as const;

const senderFields = {
  // Exactly one target. Address and signing secret of a connection, subscription or destination are read when the job runs.
  connection: v.optional(v.picklist(["make"], "must be make")),
  // The path of such an address is a credential. A call to a plain address is not signed.
  url: v.optional(v.pipe(boundedText(2048), v.url("must be a URL"), personal())),
  // The receiver recognises a repeat by it (header `webhook-id`); default: the job's id.
  id: v.optional(boundedText(256, { pattern: /^[\x21-\x2d\x2f-\x7e]{1,256}$/, rule: "must be 1 to 256 visible characters without a dot" })),
  // Sent as JSON, the same bytes on every try.
  body: v.pipe(v.unknown(), personal()),
  about: entitiesField,
};

const fields = v.strictObject({
  ...senderFields,
  subscription: v.optional(name),
  destination: v.optional(name),
  // How often the delivered event passed through here before; refused above `maxHops`.
  hops: v.optional(v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(0, "must not be negative"), v.maxValue(100, "must be at most 100"))),
});

type Fields = v.InferOutput<typeof fields>;

const payload = v.pipe(
  fields,
  fieldRule(
    targets,
    (given) => targets.filter((target) => given[target] !== undefined).length === 1,
    "exactly one of connection, subscription, destination and url is needed",
    "url",
  ),
);

// Deliveries to a subscription or destination are signed with its secret, so only our own events may be sent there.
const senderPayload = v.pipe(
  v.strictObject(senderFields),
  fieldRule(
    ["connection", "url"],
    ({ connection, url }) => (connection === undefined) !== (url === undefined),
    "exactly one of connection and url is needed",
    "url",
  ),
);

export const webhook = defineJob({
  type: "webhook",
  payload,
  senderPayload,
  // The receiver's answer is kept: its first 4 KB.
  result: v.object({ status: v.number(), response: v.pipe(v.string(), personal()) }),
  queue: "deliveries",
  needs: ["hooks"],
  gates: gatesOf,
  entities: ({ about: keys = [], subscription, destination }) => [
    ...keys,
    ...(subscription === undefined ? [] : [`subscription:${subscription}`]),
    ...(destination === undefined ? [] : [`destination:${destination}`]),
  ],
  // At least once, by Standard Webhooks: the receiver recognises a repeat by its `webhook-id`.
  oneEffect: true,
  policy: { maxAttempts: 12, backoff: { base: 30, cap: 14_400 }, timeout: 30, uncertain: "retry" },
});

// A gate for each receiver: one that is down holds back its own deliveries only.
function gatesOf({ connection, subscription, destination, url }: Fields): string[] {
  if (connection !== undefined) return [connection];
  if (subscription !== undefined) return [subscriptionGate(subscription)];
  if (destination !== undefined) return [destinationGate(destination)];
  const host = URL.parse(url ?? "")?.host;
  return host ? [`hook-${host}`] : [];
}
