import type * as v from "valibot";
import { withCommas } from "../decimal";
import { type Backoff, maxQueueDelaySeconds } from "./backoff";
import type { Act, EffectOptions, Reply } from "./effect";
import { maxBatchJobs } from "./envelope";
import type { Outcome } from "./outcome";
import { checkedRemote, checkRules, type RemoteDefinition, type RemotePolicy, within } from "./remote-policy";
import { daySeconds } from "../time/day";

/**
 * What a run may be handed, by name. Empty here: each capability adds itself by declaration merging
 * (`declare module "../queue/job" { interface Capabilities { mail: Mail } }`), the composition root provides it.
 */
export interface Capabilities {}

export type Need = keyof Capabilities & string;

/** How a job is driven. All times in whole seconds. */
export interface Policy {
  /** Failures without progress in between after which the job is dead. Default 5. */
  maxAttempts: number;
  /** Exponential backoff with full jitter between failures: first step and ceiling, and the least wait. Default 10 s to 1 h, at least 1 s. */
  backoff: Backoff;
  /** After this a run is aborted and counts as failed. Default 30; at most 720. */
  timeout: number;
  /** Runs of this type side by side within one batch. Default 10. */
  concurrency: number;
  /**
   * Most jobs of one tenant, queue and delay that travel in one message. For quick runs that come in numbers: the message is acknowledged when the
   * last of them is over. Default 1. The batch size of each of the type's queues × pack is at most 250 jobs, and they fit a batch's time.
   */
  pack: number;
  /** Time since its first run (or since it was brought back) after which a job that still fails, waits or yields ends dead. Default 7 days. */
  maxAge: number;
  /** Runs of one job, whatever their outcomes, after which it ends dead. Default 10,000. */
  maxRuns: number;
  /** What to do when an effect without idempotency may have happened: a dead letter to look at (default), or try again. */
  uncertain: "discard" | "retry";
}

// The widest payload schema there is: contracts of every payload must fit where any contract is asked for.
// oxlint-disable-next-line no-explicit-any
type AnyPayload = v.GenericSchema<any, any>;

/** What a job is: its type, payload, queue and policy. A sender imports it without its behaviour. */
export interface Contract<Type extends string = string, Schema extends AnyPayload = AnyPayload, Needs extends Need = Need, Batch extends boolean = boolean> {
  readonly type: Type;
  readonly payload: Schema;
  /** What a sender may give: `payload`, or less where some fields are for our own jobs alone. */
  readonly senderPayload: AnyPayload;
  /** Enqueued by our own code alone: senders, schedules and the lists of types do not know it. */
  readonly internal: boolean;
  /** Schema of the result, so that its personal fields are masked; without one a result is masked whole. */
  readonly result: v.GenericSchema | undefined;
  /** Every queue the type may travel on; the first is the default. */
  readonly queues: readonly string[];
  route(payload: v.InferOutput<Schema>): string;
  readonly policy: Policy;
  readonly needs: readonly Needs[];
  /** Names it had before, the oldest first. */
  readonly aliases: readonly string[];
  /** Version of the payload's shape; older ones go through `upgrade`. Default 1. */
  readonly version: number;
  readonly upgrade: ((payload: unknown, from: number) => unknown) | undefined;
  /** Keys of gates that may hold the job back: names of the dependencies it calls, e.g. `mail`. */
  gates(payload: v.InferOutput<Schema>): readonly string[];
  /** Whether it names any gates at all. */
  readonly isGated: boolean;
  /** Goes before the others of its batch, and of those parked at its gate. Default false. */
  urgent(payload: v.InferOutput<Schema>): boolean;
  /** Names by which the job can be found besides its id: `order:123`. Hash personal ones before. */
  entities(payload: v.InferOutput<Schema>): readonly string[];
  /** A run acts once, always under the same key: a job in doubt is in doubt of that effect alone. Default false. */
  readonly oneEffect: boolean;
  /** One call of the handler for all jobs of the type in a batch. */
  readonly batch: Batch;
  /** Set: its behaviour runs outside, in a worker that asks for jobs. A type that changes this needs a new version. */
  readonly remote: RemotePolicy | undefined;
}

interface JobDefinition<Type extends string, Schema extends AnyPayload, Needs extends Need, Batch extends boolean> extends RemoteDefinition {
  type: Type;
  payload: Schema;
  senderPayload?: AnyPayload;
  internal?: boolean;
  result?: v.GenericSchema;
  queue: string | { queues: readonly string[]; route: (payload: v.InferOutput<Schema>) => string };
  policy?: Partial<Policy>;
  needs?: readonly Needs[];
  aliases?: readonly string[];
  version?: number;
  upgrade?: (payload: unknown, from: number) => unknown;
  gates?: readonly string[] | ((payload: v.InferOutput<Schema>) => readonly string[]);
  urgent?: (payload: v.InferOutput<Schema>) => boolean;
  entities?: (payload: v.InferOutput<Schema>) => readonly string[];
  oneEffect?: boolean;
  batch?: Batch;
}

export const defaultPolicy: Policy = {
  maxAttempts: 5,
  backoff: { base: 10, cap: 3600 },
  timeout: 30,
  concurrency: 10,
  pack: 1,
  maxAge: 7 * daySeconds,
  maxRuns: 10_000,
  uncertain: "discard",
};

/** A batch ends after 12 minutes; a worker outside may hold a job for 12 hours. Seconds. */
const [maxTimeout, maxRemoteTimeout] = [720, 43_200];

/** Fills in the defaults. Throws when a number is out of its range, so a wrong policy stops the Worker at start. */
export function defineJob<const Type extends string, Schema extends AnyPayload, Needs extends Need = never, Batch extends boolean = false>(
  definition: JobDefinition<Type, Schema, Needs, Batch>,
): Contract<Type, Schema, Needs, Batch> {
  const { queue, gates, policy } = definition;
  const routes = typeof queue === "string" ? { queues: [queue], route: () => queue } : queue;
  return {
    type: definition.type,
    payload: definition.payload,
    senderPayload: definition.senderPayload ?? definition.payload,
    internal: definition.internal ?? false,
    result: definition.result,
    queues: routes.queues,
    route: routes.route,
    policy: checkedPolicy(definition, { ...defaultPolicy, ...(definition.remote ? { timeout: maxRemoteTimeout } : {}), ...policy }),
    needs: definition.needs ?? [],
    aliases: definition.aliases ?? [],
    version: definition.version ?? 1,
    upgrade: definition.upgrade,
    gates: typeof gates === "function" ? gates : () => gates ?? [],
    isGated: gates !== undefined,
    urgent: definition.urgent ?? (() => false),
    entities: definition.entities ?? (() => []),
    oneEffect: definition.oneEffect ?? false,
    batch: (definition.batch ?? false) as Batch,
    remote: definition.remote ? checkedRemote(definition) : undefined,
  };
}

function checkedPolicy({ type, remote, lease, heartbeat, startWithin }: RemoteDefinition, policy: Policy): Policy {
  const maxSeconds = remote ? maxRemoteTimeout : maxTimeout;
  const maxDelay = withCommas(maxQueueDelaySeconds);
  const isInner = [lease, heartbeat, startWithin].every((each) => each === undefined);
  checkRules(type, [
    [/^[a-z0-9-]{1,63}$/.test(type), "type must match [a-z0-9-]{1,63}"],
    [within(policy.maxAttempts, 1, 100), "maxAttempts must be 1 to 100"],
    [remote === true || isInner, "lease, heartbeat and startWithin are for remote jobs"],
    [within(policy.timeout, 1, maxSeconds), `timeout must be 1 to ${maxSeconds} seconds${remote ? "" : ": a batch ends after 12 minutes"}`],
    [within(policy.concurrency, 1, 100), "concurrency must be 1 to 100"],
    [within(policy.pack, 1, maxBatchJobs), `pack must be 1 to ${maxBatchJobs} jobs`],
    [within(policy.backoff.base, 1, maxQueueDelaySeconds), `backoff.base must be 1 to ${maxDelay} seconds`],
    [within(policy.backoff.cap, policy.backoff.base, maxQueueDelaySeconds), `backoff.cap must be between backoff.base and ${maxDelay} seconds`],
    [within(policy.backoff.min ?? 1, 1, maxQueueDelaySeconds), `backoff.min must be 1 to ${maxDelay} seconds`],
    [policy.maxAge >= 60, "maxAge must be at least 60 seconds"],
    [policy.maxRuns >= 1, "maxRuns must be at least 1"],
  ]);
  return policy;
}

export type PayloadOf<C> = C extends Contract<string, infer Schema> ? v.InferOutput<Schema> : never;
export type InputOf<C> = C extends Contract<string, infer Schema> ? v.InferInput<Schema> : never;
export type NeedsOf<C> = C extends Contract<string, AnyPayload, infer Needs> ? Needs : never;

/** What every run is handed, besides the capabilities it declared. */
export interface RunContext {
  readonly tenant: string;
  readonly id: string;
  readonly type: string;
  /** 1 for the first try since the last progress. */
  readonly attempt: number;
  /** When the job was enqueued, in milliseconds: the only "now" that may shape what is sent out. */
  readonly at: number;
  /**
   * The time as of which versioned content (a template) is read, in milliseconds: `at`, or when an operator last retried or replayed
   * the job after a fix. The same for every automatic retry.
   */
  readonly pinnedAt: number;
  /** Raised when an operator patched the payload, or had it sent anew: effects are made under it once more. */
  readonly revision: number;
  /** Fires on time-out, cancel and the end of the batch. */
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
  /** What the last `again` or `checkpoint` left; undefined on a first run. */
  readonly cursor: unknown;
  /** Milliseconds of the Worker's clock. */
  now(): number;
  /**
   * Does `act` once per job and remembers its value: after a redelivery the remembered value comes back and `act` is not called.
   * `act` gets the key to pass on as the provider's idempotency key, and the earlier try whose answer is not known. Failures come back as they are.
   * The value is null when an operator found out that it happened, and in a dry run without `wouldDo`.
   * Throws when the job was cancelled, has run over its time, or was taken over by another run.
   */
  effect<T>(key: string, act: Act<T>, options?: EffectOptions<T>): Promise<Reply<T | null>>;
  /** What an earlier run of this revision recorded of an effect: its value, or that it may have happened. Undefined: nothing, or that it did not. */
  recorded(key: string): { value: unknown } | "open" | undefined;
  /** Shown on the job's page. Written at most once a second; throws as `effect` does. */
  progress(done: number, total?: number, note?: string): Promise<void>;
  /**
   * Saves the cursor and goes on. `writes` are statements of the ledger's database that commit together with it, or not at all.
   * Counts as progress: the attempts start anew.
   */
  checkpoint(cursor: unknown, writes?: readonly unknown[]): Promise<void>;
  /** True once the run should return `again`: its 60 s are used up or the batch nears its end. */
  shouldYield(): boolean;
  /** Enqueues a child; the same key from the same job is the same child, however often the run is repeated. */
  enqueue<C extends Contract>(contract: C, payload: InputOf<C>, options: ChildOptions): Promise<string>;
  /** Cancels the child of that key, if it has not ended. */
  cancel(contract: Contract, key: string): Promise<void>;
}

export interface ChildOptions {
  /** Unique among the children of one job. */
  key: string;
  delaySeconds?: number;
}

/** The behaviour of a job that runs one by one. */
export type Run<C extends Contract> = (payload: PayloadOf<C>, context: RunContext & Pick<Capabilities, NeedsOf<C> & Need>) => Promise<Outcome>;

/** One job of a batch handler. */
export interface BatchItem<C extends Contract> {
  payload: PayloadOf<C>;
  context: RunContext;
}

/** The behaviour of a job that runs a batch at a time: one outcome per item, in their order. Items may belong to different tenants. */
export type RunBatch<C extends Contract> = (
  items: readonly BatchItem<C>[],
  capabilities: Pick<Capabilities, NeedsOf<C> & Need>,
  signal: AbortSignal,
) => Promise<readonly Outcome[]>;

/** A contract with its behaviour, as the registry takes it: the types of payload and needs are erased here, so that the engine has none. */
export interface Job {
  readonly contract: Contract;
  readonly run: Run<Contract> | RunBatch<Contract>;
}

/** Pairs a contract with its behaviour; the types of both are checked against each other here. */
export function job<C extends Contract>(contract: C, run: C["batch"] extends true ? RunBatch<C> : Run<C>): Job {
  return { contract, run: run as Run<Contract> | RunBatch<Contract> };
}
