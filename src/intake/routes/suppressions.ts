import { iso } from "../../time/iso";
import * as v from "valibot";
import { Problem } from "../../errors";
import {
  addressSchema,
  importedSchema,
  importSchema,
  type NewSuppression,
  reasons,
  suppressionScopes,
  type Suppression,
  suppressionSchema,
} from "../../domain/suppressions/model";
import { isoTime, outputList } from "../../bounded";
import { masked } from "../../masking/personal";
import { validate } from "../../queue/validate";
import { audit } from "../audit";
import { largeBody, parsedJson, readText, smallBody } from "../body";
import { cursorText, paging } from "../query";
import { listedRows } from "../refusals";
import { type Caller, param, permits, route } from "../route";

const shape = v.object({
  address: v.pipe(v.nullable(v.string()), v.description("••• below admin; null once the person was erased")),
  reason: v.picklist(reasons),
  scope: v.picklist(suppressionScopes),
  since: isoTime,
});
const address = { pattern: /^[^\s/]{3,320}$/, message: "must be an address, as ada@example.com" };

const importReport = v.object({
  accepted: v.number(),
  rejected: outputList(v.object({ index: v.number(), error: v.string() })),
  unlisted: v.pipe(v.optional(v.number()), v.description("Number of wrong entries that are not listed")),
});

export const suppressionRoutes = [
  route("GET /v1/suppressions", {
    name: "listSuppressions",
    summary: "Addresses that get no mail, newest first",
    scope: "read",
    query: v.strictObject({
      reason: v.optional(v.picklist(reasons, `must be one of ${reasons.join(", ")}`)),
      cursor: cursorText(/^\d{1,15}\.[0-9a-f]{32}\.(?:all|bulk)$/),
      ...paging,
    }),
    answers: { 200: v.object({ suppressions: outputList(shape), cursor: v.nullable(v.string()) }) },
    handle: async ({ deps, tenant, caller, query }) => {
      const { suppressions, cursor } = await deps.suppressions.list(tenant, { reason: query.reason }, { cursor: query.cursor, limit: query.limit });
      return { status: 200, body: { suppressions: suppressions.map((each) => suppressionBody(each, caller)), cursor } };
    },
  }),
  route("PUT /v1/suppressions", {
    name: "importSuppressions",
    summary: "Add up to 10,000 addresses; those that are there stay as they are, wrong ones are reported",
    scope: "operate",
    body: { schema: importSchema, limit: largeBody },
    answers: { 200: importReport },
    handle: async ({ deps, tenant, body, bodyLength }) => {
      const read = body.suppressions.map((each) => v.safeParse(importedSchema, each));
      const good = read.flatMap((each): NewSuppression[] => (each.success ? [each.output] : []));
      await deps.suppressions.add(tenant, good, deps.now());
      const rejected = read.flatMap((each, index) => (each.success ? [] : [{ index, error: whyNot(body.suppressions[index]) }]));
      return { status: 200, body: { accepted: good.length, ...listedRows(rejected, rejected.length, bodyLength) } };
    },
  }),
  route("GET /v1/suppressions/:address", {
    name: "getSuppression",
    summary: "Whether and why an address gets no mail; the wider scope when there are two",
    description: "Admins alone see whole addresses. See docs/mail.md#suppressions.",
    scope: "read",
    params: { address },
    answers: { 200: shape },
    handle: async ({ deps, tenant, caller, params }) => {
      const [found] = await deps.suppressions.of(tenant, param({ params }, "address"));
      if (!found) throw new Problem("not-found", "This address is not suppressed.");
      return { status: 200, body: suppressionBody(found, caller) };
    },
  }),
  route("PUT /v1/suppressions/:address", {
    name: "putSuppression",
    summary: "Suppress an address; without a body all mail to it",
    scope: "operate",
    params: { address },
    // Without a body the defaults apply.
    body: { schema: suppressionSchema, limit: smallBody, readByHandler: true },
    answers: { 200: shape },
    handle: async ({ deps, tenant, caller, params, request }) => {
      const text = await readText(request, smallBody);
      const body = validate(suppressionSchema, text.trim() === "" ? {} : parsedJson(text), "The body");
      const suppression = { ...body, address: addressIn(params) };
      const since = deps.now();
      await deps.suppressions.put(tenant, suppression, since);
      return { status: 200, body: suppressionBody({ ...suppression, since }, caller) };
    },
  }),
  route("DELETE /v1/suppressions/:address", {
    name: "deleteSuppression",
    summary: "Let mail to an address through again, of one scope or both; audited",
    scope: "operate",
    params: { address },
    query: v.strictObject({ scope: v.optional(v.picklist(suppressionScopes, "must be all or bulk")) }),
    answers: { 204: null },
    handle: async ({ deps, tenant, caller, params, query }) => {
      // Without the address, because audit rows stay after an erasure.
      await audit({ deps, tenant, caller }, "unsuppress", "suppression");
      if (!(await deps.suppressions.remove(tenant, param({ params }, "address"), query.scope)))
        throw new Problem("not-found", "This address is not suppressed.");
      return { status: 204 };
    },
  }),
];

function addressIn(params: Readonly<Record<string, string>>): string {
  const read = v.safeParse(addressSchema, param({ params }, "address"));
  if (read.success) return read.output;
  throw new Problem("invalid", "The address in the path is wrong.", { errors: [{ path: "address", message: address.message }] });
}

function suppressionBody({ address: whole, reason, scope, since }: Suppression, caller: Caller) {
  return { address: whole !== null && !permits(caller, "admin") ? masked : whole, reason, scope, since: iso(since) };
}

/** The issue of a union does not show which shape was meant, so the rule is written here. */
function whyNot(entry: unknown): string {
  if (typeof entry === "string") return address.message;
  const isObject = typeof entry === "object" && entry !== null && !Array.isArray(entry);
  return isObject ? "must have an address, and at most a scope (all, bulk) and a reason" : "must be an address, or an object with one";
}
