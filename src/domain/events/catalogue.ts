import * as v from "valibot";
import { boundedName, boundedText } from "../../bounded";
import { entityKeys } from "./entity";

const text = (max: number) => v.nullish(boundedText(max));
const flag = v.nullish(v.boolean("must be true or false"));
const amount = v.nullish(v.pipe(v.number("must be a number"), v.finite("must be a finite number")));
const rule = "must be 1 to 128 of the characters A-Z, a-z, 0-9 and . _ : -";
const idText = boundedText(128, { pattern: /^[A-Za-z0-9._:-]{1,128}$/, rule });
const id = v.pipe(v.union([idText, v.pipe(v.number(), v.integer(rule))], rule), v.transform(String), idText);

const person = { email: text(254), phone: text(64), name: text(200), firstName: text(100), lastName: text(100), company: text(200) };
const place = { city: text(200), region: text(200), country: text(100) };

/** The data of a lead. Further fields are kept: each SaaS may add its own. */
const lead = v.looseObject({
  id,
  ...person,
  ...place,
  project: text(200),
  source: text(200),
  message: text(10_000),
  status: text(64),
  label: text(64),
  score: amount,
  suspicion: amount,
  test: flag,
  // The tenant has talked to the lead, so no follow-up is needed.
  answered: flag,
  visitorId: text(200),
});

const offer = v.looseObject({
  id,
  leadId: v.nullish(id),
  ...person,
  property: text(500),
  project: text(200),
  amount,
  currency: text(8),
  message: text(10_000),
});
/** A project received no lead for some minutes. No field is personal. */
const silence = v.looseObject({
  project: boundedName("must be the name of a project"),
  minutesWithoutLeads: v.pipe(v.number("must be a number"), v.integer("must be whole minutes"), v.minValue(0, "must not be negative")),
  /** Null: the project never had a lead. */
  lastLeadAt: text(64),
  /** Minutes of silence after which the project is alerted. */
  threshold: amount,
});

// Orders as shops return them. All fields but the ids are optional: an order exists whatever the shop omits.
const site = boundedName("must be the name of a site");
const whole = v.pipe(v.number("must be a number"), v.integer("must be a whole number"));
const order = v.looseObject({
  siteId: site,
  orderId: whole,
  reference: v.nullish(v.string("must be text")),
  stateId: v.nullish(whole),
  previousStateId: v.nullish(whole),
  customerId: v.nullish(whole),
  dateAdd: v.nullish(v.string("must be text")),
  dateUpd: v.nullish(v.string("must be text")),
});
const product = v.looseObject({
  siteId: site,
  productId: whole,
  reference: v.nullish(v.string("must be text")),
  name: v.nullish(v.string("must be text")),
  quantity: v.nullish(v.number("must be a number")),
});

/** A row of a shop that cannot be read completely. Its reason names fields, without their values. */
const unreadableRow = v.looseObject({
  siteId: site,
  resource: boundedText(64),
  rowId: whole,
  reason: v.nullish(v.string("must be text")),
});

const answer = v.looseObject({ id, channel: text(64) });
const statusChange = v.looseObject({ id, status: boundedText(64, { min: 1 }), previous: text(64) });
const valuation = v.looseObject({ id, leadId: v.nullish(id), value: amount, currency: text(8) });

interface Kind {
  data: v.GenericSchema<unknown, Record<string, unknown>>;
  /** Keys of its entities, the main one first. */
  entities(data: Record<string, unknown>): string[];
}

const ofLead = (data: Record<string, unknown>) => entityKeys("lead", data["id"]);
/** Ids are unique within a shop: the key with the shop comes first, the one without it is an alias. */
const ofShop = (kind: string, field: string) => (data: Record<string, unknown>) => [
  ...entityKeys(kind, `${String(data["siteId"])}/${String(data[field])}`),
  ...entityKeys(kind, data[field]),
];
/** A row of an order or a product is found by that entity too. */
const ofRow = ({ siteId, resource, rowId }: Record<string, unknown>) => {
  const kind = { orders: "order", products: "product" }[String(resource)];
  return kind ? [...entityKeys(kind, `${String(siteId)}/${String(rowId)}`), ...entityKeys(kind, rowId)] : entityKeys("site", siteId);
};
const ofThing = (kind: string) => (data: Record<string, unknown>) => [...entityKeys(kind, data["id"]), ...entityKeys("lead", data["leadId"])];

/** The known types of events, with the schemas of their `data`. */
export const catalogue = {
  "lead.created": { data: lead, entities: ofLead },
  "lead.updated": { data: lead, entities: ofLead },
  "lead.answered": { data: answer, entities: ofLead },
  "lead.status_changed": { data: statusChange, entities: ofLead },
  "lead.silence": { data: silence, entities: (data) => entityKeys("project", data["project"]) },
  "offer.submitted": { data: offer, entities: ofThing("offer") },
  "property.valuated": { data: valuation, entities: ofThing("property") },
  "order.created": { data: order, entities: ofShop("order", "orderId") },
  "order.status_changed": { data: order, entities: ofShop("order", "orderId") },
  "product.out_of_stock": { data: product, entities: ofShop("product", "productId") },
  "shop.row_unreadable": { data: unreadableRow, entities: ofRow },
} as const satisfies Record<string, Kind>;

type EventType = keyof typeof catalogue;

export const eventTypes = Object.keys(catalogue) as EventType[];

export function isKnown(type: string): type is EventType {
  return Object.hasOwn(catalogue, type);
}

export type LeadData = v.InferOutput<typeof lead>;
export type OfferData = v.InferOutput<typeof offer>;
export type OrderData = v.InferOutput<typeof order>;
export type UnreadableRowData = v.InferOutput<typeof unreadableRow>;
export type ProductData = v.InferOutput<typeof product>;

/** The entities of an event; of an unknown type, its subject where that is a key. */
export function entitiesOf({ type, data, subject }: { type: string; data: Record<string, unknown>; subject?: string | undefined }): string[] {
  if (isKnown(type)) return catalogue[type].entities(data);
  const [kind = "", ...rest] = (subject ?? "").split(":");
  return entityKeys(kind, rest.join(":"));
}
