import * as v from "valibot";
import { problemOfRefusal } from "../../errors";
import { readBytes, smallBody } from "../body";
import { param, route } from "../route";
import { notificationRequest, verifyNotification } from "../webhooks/receive";

const webhookBody = v.pipe(v.looseObject({}), v.description("As the shop's module sends it; the signature is of these bytes"));

export const webhookRoutes = [
  route("POST /v1/webhooks/:tenant/:site", {
    name: "receiveWebhook",
    summary: "Receive a shop's signed webhook, which makes a job read the order or the products. Its format is set with the site",
    scope: "public",
    tenant: "none",
    // A shop's module may add other parameters to the address.
    query: v.looseObject({ token: v.optional(v.pipe(v.string(), v.description("The secret, where the format is token and no header carries it"))) }),
    body: { schema: webhookBody, limit: smallBody, readByHandler: true },
    answers: {
      202: v.object({ id: v.pipe(v.nullable(v.string()), v.description("Id of the job that reads the row; null for a webhook about no row that is read")) }),
    },
    problems: [401, 413, 429, 503],
    handle: async ({ deps, request, params, query }) => {
      const door = { tenant: param({ params }, "tenant"), site: param({ params }, "site") };
      const body = await readBytes(request, smallBody);
      const webhook = await verifyNotification(deps, door, { headers: request.headers, body, token: query.token ?? null });
      const job = await notificationRequest(door, { webhook, headers: request.headers, body }, deps.now());
      if (!job) return { status: 202, body: { id: null } };
      const [receipt] = await deps.enqueue([job]);
      if (receipt?.ok) return { status: 202, body: { id: receipt.id } };
      const { code, detail, retryAfter } = receipt ?? { code: "unavailable" as const, detail: "The webhook was not accepted.", retryAfter: 5 };
      // The issues of a payload that the sender did not write are not part of the answer.
      throw problemOfRefusal({ code, detail, retryAfter });
    },
  }),
];
