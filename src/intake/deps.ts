import type { AgentOperations } from "../domain/agents/operate";
import type { BulkActions } from "../domain/bulk-actions/operate";
import type { CampaignOperations } from "../domain/campaigns/operate";
import type { DestinationStore } from "../domain/destinations/store";
import type { InboundSecretStore } from "../domain/events/inbound-secret";
import type { AddressRules } from "../address/address";
import type { InstallationStore } from "../domain/installation/store";
import type { GateOperations } from "../domain/gates/operate";
import type { JobOperations } from "../domain/jobs/operate";
import type { MailEventInbox } from "../domain/mail-events/receive";
import type { MailEventStore } from "../domain/mail-events/store";
import type { TemplateContent, Templates, TemplateSummary } from "../domain/mail/model";
import type { MediaOperations } from "../domain/media/operate";
import type { Replays } from "../domain/replays/create";
import type { Reports } from "../domain/report/compose";
import type { ScheduleStore } from "../domain/schedules/store";
import type { ShopTest } from "../domain/shop/site/test-connection";
import type { SubscriptionStore } from "../domain/subscriptions/store";
import type { SuppressionQueries } from "../domain/suppressions/queries";
import type { SuppressionStore } from "../domain/suppressions/store";
import type { Unsubscription } from "../domain/suppressions/unsubscribe";
import type { WorkDeps } from "../domain/work/deps";
import type { auditIn } from "../ledger/audit";
import type { createTicks } from "../ledger/ticks";
import type { PayloadSample } from "../ledger/samples";
import type { Queries } from "../ledger/queries";
import type { Registry } from "../queue/registry";
import type { Enqueue } from "../queue/request";
import type { ConnectionStore } from "../tenants/connection";
import type { ProjectStore } from "../tenants/project";
import type { SiteStore, SiteWebhook } from "../tenants/site";
import type { Snapshots } from "../tenants/snapshot";
import type { TenantStore } from "../tenants/tenant";
import type { Tokens } from "../tenants/token";
import type { TokenStore } from "../tenants/token-store";
import type { TokenUse } from "../tenants/token-use";
import type { LeadDeps } from "./leads/deps";

/** What the intake is given by the composition root: no binding is used below. A function declares the members that it uses with `Pick`. */
export interface IntakeDeps extends RequestDeps, SettingsDeps, JobDeps, MailDeps, DataDeps {}

/** For each request: who calls, the clock, the database, enqueueing. */
interface RequestDeps {
  /** Passed to the functions of domain/, with the tenant. */
  db: D1Database;
  /** Milliseconds. */
  now(): number;
  auth: AuthDeps;
  ids: JobIds;
  snapshots: Pick<Snapshots, "read">;
  registry: Pick<Registry, "find" | "contracts">;
  enqueue: Enqueue;
  /** The same for a request with a trace, `{trace id}-{flags}`: the jobs that it enqueues belong to that trace. */
  inTrace(trace: string): Pick<IntakeDeps, "enqueue" | "campaigns" | "media">;
  /** The Worker's public address; undefined where none is configured. */
  publicUrl: string | undefined;
  rules: AddressRules;
  /** Records an act, or that personal data was shown. Await it before showing the data. */
  audit(entry: NewAuditEntry): Promise<void>;
  /** Logs an unforeseen failure. Never throws. */
  report(failure: FailureReport): void;
}

/** Settings of tenants and of the installation. */
interface SettingsDeps {
  tenants: TenantStore;
  tokens: TokenStore;
  sites: Pick<SiteStore, "put" | "get" | "list" | "remove">;
  connections: Pick<ConnectionStore, "put" | "get" | "list" | "remove">;
  projects: Pick<ProjectStore, "put" | "get" | "list" | "remove" | "renewKey">;
  destinations: Pick<DestinationStore, "put" | "get" | "list" | "remove">;
  subscriptions: Pick<SubscriptionStore, "put" | "get" | "list" | "remove">;
  inboundSecrets: Pick<InboundSecretStore, "put" | "remove" | "open">;
  templates: TemplateStore;
  schedules: Pick<ScheduleStore, "put" | "get" | "list" | "remove" | "give" | "removeSite">;
  installation: InstallationStore;
  /** Undefined when the sealed secret cannot be opened. */
  webhookSecret(tenant: string, site: string, webhook: SiteWebhook): Promise<string | undefined>;
}

/** Jobs, queues, gates and remote workers, as operators and workers use them. */
interface JobDeps {
  queries: Queries;
  operate: JobOperations;
  replays: Replays;
  bulkActions: BulkActions;
  reports: Reports;
  gates: GateOperations;
  platform: PlatformDeps;
  work: WorkDeps;
  /** Stored payloads of open and dead jobs with one of the names, of a tenant or (null) of some tenants; a bounded number. */
  samples(names: readonly string[], tenant: string | null): Promise<PayloadSample[]>;
  /** The JSON text of a payload too large for its row; null when it was deleted. Throws when the storage cannot be reached. */
  loadPayload(ref: string): Promise<string | null>;
}

/** Mailings, suppressions and mail events. */
interface MailDeps {
  campaigns: CampaignIntake;
  mailEvents: MailEventInbox;
  suppressions: SuppressionStore & SuppressionQueries;
  unsubscribe: {
    /** Undefined: the token is invalid. */
    read(token: string): Promise<Unsubscription | undefined>;
    act(unsubscription: Unsubscription): Promise<void>;
  };
}

/** Leads, pictures, agents and shops. */
interface DataDeps {
  leads: LeadDeps;
  media: MediaOperations;
  agents: AgentOperations;
  shops: ShopActions;
}

interface AuthDeps {
  /** Whether this is the root token; compared in constant time. */
  isRoot(token: string): boolean;
  verifier: Pick<Tokens, "verify">;
  /** A token was used that is good. */
  use: TokenUse;
  /** Whether one more refusal of this subscriber's credentials is within its rate. May throw when the limiter cannot be reached. */
  mayBeRefused(subscriber: string): Promise<boolean>;
}

/** Ids of jobs. */
export interface JobIds {
  /** The id that a job of this type has under a key of our own; undefined for an unknown type. */
  own(tenant: string, type: string, own: readonly string[]): Promise<string | undefined>;
  /** Whether an id was issued to this tenant, known to the ledger or not. */
  belongs(tenant: string, id: string): Promise<boolean>;
}

/** The queues, stores and steps that the Worker needs. */
export interface PlatformDeps {
  /** Every queue of the Worker, with what it reports now. */
  queues(): Promise<QueueMetrics[]>;
  /** Results of the newest tick's steps. */
  tickSteps: ReturnType<typeof createTicks>["list"];
  /** Bytes of the database (null: not known), and how many it may have. */
  ledgerSize(): Promise<{ bytes: number | null; maxBytes: number }>;
  /** A cheap check of the Worker's stores and queues. Never throws. */
  health(): Promise<Record<string, "ok" | "failing">>;
}

/** Acts on shops besides reading and writing their rows. */
interface ShopActions {
  /** Calls the shop, checks the permissions of its key, and ends a pause when none is missing. Throws only `unavailable`, when the gate has no free slot. */
  test(tenant: string, site: string): Promise<ShopTest>;
  /** Wakes the jobs that wait for a site. */
  wake(tenant: string, site: string): Promise<void>;
}

/** Mailings to lists. */
export interface CampaignIntake extends CampaignOperations {
  /** The number of recipients by kind of event. */
  events(tenant: string, id: string): ReturnType<MailEventStore["countsOf"]>;
}

/** The functions of domain/mail/store, without their database. */
interface TemplateStore extends Templates {
  /** Adds a version unless the newest has the same content. */
  put(tenant: string, id: string, content: TemplateContent, now: number): Promise<{ version: number; changed: boolean }>;
  /** The newest version of each template after `after`, by id, built-in ones included. */
  list(tenant: string, after: string, limit: number): Promise<TemplateSummary[]>;
  /** A template whose newest version has this one as its layout; undefined when there is none. */
  userOfLayout(tenant: string, layout: string): Promise<string | undefined>;
  /** The ids that have a template, of the tenant or built in. */
  known(tenant: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Null where the queue did not report it. */
export interface QueueMetrics {
  queue: string;
  backlog: number | null;
  bytes: number | null;
  /** When its oldest message was sent, milliseconds. */
  oldestAt: number | null;
}

/** `actor`: `root`, or the id of the token. `target`: an id, or the path of the API without `/v1/`. `detail`: such as the names of patched fields. */
export interface NewAuditEntry extends NewAuditRow {
  action:
    | "reveal"
    | "block"
    | "erase"
    | "patch"
    | "release"
    | "unsuppress"
    | "approve"
    | "reject"
    | "stop"
    | "start"
    | "budget"
    | "sample"
    | "cancel"
    | "run-now"
    | "dismiss"
    | "set"
    | "remove"
    | "replay"
    | "rate"
    | "settle-effects"
    | "abort"
    | "pause"
    | "resume"
    | "probe"
    | "reset"
    | "acknowledge"
    | "create"
    | "revoke";
}

type NewAuditRow = Parameters<typeof auditIn>[1];

export interface FailureReport {
  requestId: string;
  /** Trace id: of its traceparent, else made of the request id. */
  trace: string;
  method: string;
  /** The route's path with its parameters' names, null when none was found. */
  route: string | null;
  thrown: unknown;
}
