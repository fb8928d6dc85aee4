import { noteDayLimit } from "./day-limit";
import type { CallResult, Gates } from "./ports/gates";
import type { Ids } from "./id";
import type { Capabilities, Need } from "./job";
import type { Ledger } from "./ports/ledger";
import type { NewJob } from "./ports/intake-ledger";
import type { Envelope } from "./envelope";
import type { Memory } from "./memory";
import type { Registry } from "./registry";
import { UnrecordedEffects } from "./run/unrecorded-effects";

/** The engine of one isolate: what it is handed, and what it remembers. */
export interface Engine extends EnginePorts {
  readonly memory: Memory;
}

/** The composition root makes one engine per isolate; tests make their own. */
export function createEngine(ports: EnginePorts): Engine {
  const memory: Memory = { backlogs: new Map(), refusals: new Map(), traffic: new Map(), arrivals: new Map(), unrecorded: new UnrecordedEffects() };
  const emit = (event: EngineEvent) => {
    if (event.event === "trouble") noteDayLimit(memory, event.reason, ports.now());
    ports.emit(event);
  };
  return { ...ports, emit, memory };
}

/** Everything the engine is handed. */
interface EnginePorts {
  /** Milliseconds: the Worker's clock. */
  now(): number;
  /** 0 ≤ x < 1. */
  random(): number;
  /** Fresh per local start, "" in production. */
  boot: string;
  /** Write rows before accepting: the local queue is kept in memory. */
  ledgerFirst: boolean;
  ids: Ids;
  registry: Registry;
  ledger: Ledger;
  /** Producer of a queue; undefined when this deployment has no such queue. */
  queue(name: string): Queue | undefined;
  /** Whether jobs of types with a `pack` are sent together in one message. Off while a release that cannot read packs is still deployed. */
  sendsPacks: boolean;
  /** How long a queue gathers a batch. Seconds. */
  batchTimeout(queue: string): number;
  /** Messages a queue may hold before senders are asked to come back later. */
  backlogLimit(queue: string): number;
  quota: Quota;
  payloads: PayloadStore;
  /** Asked only where rows are written before accepting. */
  unwritten: UnwrittenJobs;
  gates: Gates;
  /** Makes what jobs declared they need. A `Missing` has the reason why a job cannot run for this tenant. */
  capabilities(names: readonly Need[], scope: CapabilityScope): Promise<Partial<Capabilities> | Missing>;
  /** Lets a promise finish after the answer; must not let it reject. */
  defer(promise: Promise<unknown>): void;
  /** Does the work after that time, unless the isolate ends before. The work does not reject. */
  later(ms: number, work: () => Promise<unknown>): void;
  emit(event: EngineEvent): void;
}

/** Jobs a tenant may enqueue in a time. */
export interface Quota {
  /** Whether the tenant has one. */
  isSet(tenant: string): Promise<boolean>;
  /** How many of `count` jobs more the tenant may enqueue now, and the seconds after which it may send the others. */
  take(tenant: string, count: number): Promise<{ granted: number; retryAfter: number }>;
}

/** The tenant, job and time that capabilities are made for. */
export interface CapabilityScope {
  /** Null for a batch handler, which serves several tenants. */
  tenant: string | null;
  /** Milliseconds; when the job was enqueued. */
  at: number;
  signal: AbortSignal;
  /** `traceparent` of the next call to the outside, each with a span id of its own; none for a batch handler. */
  traceparent?: (() => string) | undefined;
  /** Called with the result of each call to the outside; feeds the circuit breaker. */
  onResult(gate: string, call: CallResult): void;
}

/** The tenant lacks something the job needs; a dead letter that can be replayed once it is there. */
export interface Missing {
  missing: string;
}

/** Stores payloads that are too large for a message. */
export interface PayloadStore {
  /** Returns the key. Throws when the store is down. */
  put(tenant: string, id: string, text: string): Promise<string>;
  /** Null when there is no such object. Throws when the store is down. */
  get(key: string): Promise<string | null>;
}

/** An accepted job that the ledger has not taken: its row as it would have been written, and its message. */
export interface UnwrittenJob {
  row: NewJob;
  envelope: Envelope;
}

/** Keeps accepted jobs while the ledger is away. Its calls throw when the store is down. */
export interface UnwrittenJobs {
  keep(jobs: readonly UnwrittenJob[]): Promise<void>;
  /** The oldest of what is kept, each with its name; empty: nothing is. */
  oldest(): Promise<{ name: string; jobs: UnwrittenJob[] }[]>;
  remove(names: readonly string[]): Promise<void>;
}

/** What happened, once per fact; a subscriber turns it into log lines. Holds nothing personal. `trace` and `parent` are as the job carries them. */
export type EngineEvent =
  | {
      event: "settled";
      tenant: string;
      id: string;
      type: string;
      attempt: number;
      outcome: string;
      state: string;
      ms: number;
      /** Whether its behaviour was called; `ms` is 0 otherwise. */
      ran: boolean;
      /** Milliseconds that the job could have run and did not, before its first run; null: it ran before, or never. */
      waited: number | null;
      reason: string | null;
      trace?: string | undefined;
      parent?: string | undefined;
    }
  | { event: "enqueued"; tenant: string; type: string; count: number }
  | { event: "trouble"; where: string; reason: string; queue?: string; tenant?: string; id?: string; trace?: string | undefined; parent?: string | undefined }
  /** From now on the tenant's jobs of this queue are forwarded to `overflow`. */
  | { event: "heavy"; tenant: string; queue: string }
  | { event: "batch"; queue: string; messages: number; claimed: number; ms: number };
