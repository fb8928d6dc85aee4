import * as v from "valibot";
import { Problem } from "../../errors";
import { readBytes, smallBody } from "../body";
import { publicUnauthorized, unavailableProblem } from "../problem";
import { param, route } from "../route";

const eventBody = v.pipe(v.unknown(), v.description("As the provider sends it; the signature is of these bytes"));

export const mailEventRoutes = [
  route("POST /v1/mail-events/:tenant/:provider", {
    name: "receiveMailEvent",
    summary: "Receive bounces, complaints and deliveries from resend, postmark and ses (through SNS), verified by the webhookSecret of the mail connection",
    scope: "public",
    tenant: "none",
    query: v.strictObject({ token: v.optional(v.pipe(v.string(), v.description("The secret, where no header carries it"))) }),
    body: { schema: eventBody, limit: smallBody, readByHandler: true },
    answers: { 200: v.object({ ok: v.literal(true) }) },
    problems: [400, 401, 413, 503],
    handle: async ({ deps, request, params, query }) => {
      const body = await readBytes(request, smallBody);
      const incoming = { headers: request.headers, body, token: query.token ?? null };
      const receipt = await deps.mailEvents.receive(param({ params }, "tenant"), param({ params }, "provider"), incoming);
      if (receipt === "refused") throw publicUnauthorized();
      if (receipt === "unknown") throw unavailableProblem("The event cannot be checked right now.");
      if (receipt === "malformed") throw new Problem("malformed", "The event is not JSON.");
      return { status: 200, body: { ok: true } };
    },
  }),
];
