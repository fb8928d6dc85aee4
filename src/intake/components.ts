import { runShape } from "./agents/view";
import type { JsonSchema, Override } from "./json-schema";
import { toSchema } from "./json-schema";
import { mediaShape } from "./media/view";
import { replayShape } from "./replay-shapes";
import { alertShape, ruleShape } from "./routes/alerts";
import { campaignShape } from "./routes/campaigns";
import { destinationShape, subscriptionShape } from "./routes/destinations";
import { gateShape } from "./routes/gates";
import { connectionShape, projectShape, siteShape } from "./setting-shapes";
import * as shapes from "./shapes";
import { planShape } from "../domain/replays/model";
import { purchaseOrderShape } from "../domain/shop/purchases/model";
import { supplierShape } from "./shop-shapes";
import { templateShape } from "./routes/templates";
import { tenantShape } from "./routes/tenants";
import type * as v from "valibot";

/** Shapes that the OpenAPI document describes once, under a name; answers refer to them. */
const named: readonly [name: string, schema: v.GenericSchema][] = [
  ["Accepted", shapes.acceptedShape],
  ["Action", shapes.actionShape],
  ["AgentRun", runShape],
  ["Alert", alertShape],
  ["AlertRule", ruleShape],
  ["BatchReport", shapes.batchShape],
  ["Campaign", campaignShape],
  ["Connection", connectionShape],
  ["DeadLetter", shapes.deadLetterShape],
  ["Destination", destinationShape],
  ["Gate", gateShape],
  ["Job", shapes.jobShape],
  ["JobSummary", shapes.jobSummaryShape],
  ["Media", mediaShape],
  ["Project", projectShape],
  ["PurchaseOrder", purchaseOrderShape],
  ["Replay", replayShape],
  ["ReplayPlan", planShape],
  ["Schedule", shapes.scheduleShape],
  ["Site", siteShape],
  ["Subscription", subscriptionShape],
  ["Supplier", supplierShape],
  ["Template", templateShape],
  ["Tenant", tenantShape],
];
const names = new Map<unknown, string>(named.map(([name, schema]) => [schema, name]));

/** A reference in place of a schema that has a name. */
export const byName: Override = (schema) => {
  const name = names.get(schema);
  return name === undefined ? undefined : { $ref: `#/components/schemas/${name}` };
};

/** Every named schema, with references to the others. */
export function namedSchemas(): JsonSchema {
  return Object.fromEntries(named.map(([name, schema]) => [name, toSchema(schema, byName, schema)]));
}
