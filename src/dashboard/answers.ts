import type * as v from "valibot";
import type { runShape, runsShape, agentShape, tenantAgentsShape } from "../intake/agents/view";
import type { alertsShape } from "../intake/routes/alerts";
import type { campaignShape } from "../intake/routes/campaigns";
import type { gatesShape } from "../intake/routes/gates";
import type { auditShape, meShape, pausesShape } from "../intake/routes/operators";
import type { queuesShape } from "../intake/routes/queues";
import type { reportShape } from "../intake/routes/report";
import type { statsShape } from "../intake/routes/system";
import type { siteDetailShape, sitesShape } from "../intake/routes/sites";
import type { planShape, replayShape } from "../intake/replay-shapes";
import type {
  connectionShape,
  groupsShape,
  healthShape,
  jobShape,
  jobsShape,
  scheduleShape,
  tenantShape,
  tenantsShape,
  tokensShape,
  typesShape,
} from "../intake/shapes";
import type { purchaseOrdersShape } from "../intake/shop-shapes";
import type { templatesShape } from "../intake/template-shapes";

/** What the public interface answers: the types of its own schemas, so that a page cannot read what is not there. */
export type Me = v.InferOutput<typeof meShape>;
export type Report = v.InferOutput<typeof reportShape>;
export type Queues = v.InferOutput<typeof queuesShape>;
export type Queue = Queues["queues"][number];
export type Jobs = v.InferOutput<typeof jobsShape>;
export type JobSummary = Jobs["jobs"][number];
export type JobDetail = v.InferOutput<typeof jobShape>;
export type Stats = v.InferOutput<typeof statsShape>;
export type Groups = v.InferOutput<typeof groupsShape>;
export type Replay = v.InferOutput<typeof replayShape>;
export type Plan = v.InferOutput<typeof planShape>;
export type Gates = v.InferOutput<typeof gatesShape>;
export type Pauses = v.InferOutput<typeof pausesShape>;
export type Audit = v.InferOutput<typeof auditShape>;
export type Types = v.InferOutput<typeof typesShape>;
export type Schedule = v.InferOutput<typeof scheduleShape>;
export type Sites = v.InferOutput<typeof sitesShape>;
export type Site = v.InferOutput<typeof siteDetailShape>;
export type PurchaseOrders = v.InferOutput<typeof purchaseOrdersShape>;
export type Campaign = v.InferOutput<typeof campaignShape>;
export type Agent = v.InferOutput<typeof agentShape>;
export type AgentTotals = v.InferOutput<typeof tenantAgentsShape>;
export type AgentRuns = v.InferOutput<typeof runsShape>;
export type AgentRun = v.InferOutput<typeof runShape>;
export type Tenants = v.InferOutput<typeof tenantsShape>;
export type Tenant = v.InferOutput<typeof tenantShape>;
export type Tokens = v.InferOutput<typeof tokensShape>;
export type Connection = v.InferOutput<typeof connectionShape>;
export type Templates = v.InferOutput<typeof templatesShape>;
export type Alerts = v.InferOutput<typeof alertsShape>;
export type Health = v.InferOutput<typeof healthShape>;
