import { randomBytes, randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

export interface FakeConsumer {
  consumer_id: string;
  type: string;
  script?: string;
  dead_letter_queue?: string;
  settings: Record<string, unknown>;
}

export interface FakeQueue {
  queue_id: string;
  queue_name: string;
  jurisdiction: string | null;
  settings: { delivery_delay: number; delivery_paused: boolean; message_retention_period: number };
  producers: unknown[];
  consumers: FakeConsumer[];
  /** What waits in it; the times in milliseconds, 0: unknown. */
  backlog?: { backlog_count: number; backlog_bytes: number; oldest_message_timestamp_ms: number };
}

export interface FakeBinding {
  type: string;
  name: string;
  [field: string]: unknown;
}

export interface FakeScript {
  bindings: FakeBinding[];
  /** Of the Worker itself, as the dashboard changed them. */
  settings: Record<string, unknown>;
  secrets: Map<string, string>;
  crons: string[];
  deployments: { id: string; created_on: string }[];
  migrationTag: string | undefined;
  uploads: number;
  /** Uploaded versions; each is deployed by a call. */
  versions: Map<string, () => void>;
}

export interface FakeRule {
  ruleId: string;
  prefix: string;
  suffix: string;
  actions: string[];
}

export interface FakeSubscription {
  id: string;
  name: string;
  enabled: boolean;
  events: string[];
  source: { type: string; zone_id: string; domain: string };
  destination: { type: string; queue_id: string };
}

/** An account in memory. Its databases are real SQLite, so that migrations really run. */
export class FakeAccount {
  readonly databases = new Map<string, { uuid: string; name: string; jurisdiction: string | null; sqlite: DatabaseSync }>();
  readonly namespaces: { id: string; title: string }[] = [];
  /** `jurisdiction/name`. */
  readonly buckets = new Set<string>();
  readonly queues: FakeQueue[] = [];
  readonly scripts = new Map<string, FakeScript>();
  /** By `bucket queueId`. */
  readonly rules = new Map<string, FakeRule[]>();
  readonly subscriptions: FakeSubscription[] = [];
  readonly zones = [{ id: "zone-1", name: "example.com" }];

  addQueue(name: string, jurisdiction: string | null = null): FakeQueue {
    const settings = { delivery_delay: 0, delivery_paused: false, message_retention_period: 345_600 };
    const queue = { queue_id: hexId(), queue_name: name, jurisdiction, settings, producers: [], consumers: [] };
    this.queues.push(queue);
    return queue;
  }

  addDatabase(name: string, jurisdiction: string | null = null): string {
    const uuid = randomUUID();
    this.databases.set(name, { uuid, name, jurisdiction, sqlite: new DatabaseSync(":memory:") });
    return uuid;
  }

  addNamespace(title: string): string {
    const id = hexId();
    this.namespaces.push({ id, title });
    return id;
  }

  addConsumer(queue: string, script: string, type = "worker"): FakeConsumer {
    const consumer = { consumer_id: hexId(), type, script, settings: { batch_size: 10, max_retries: 3, max_wait_time_ms: 5000 } };
    this.queue(queue)?.consumers.push(consumer);
    return consumer;
  }

  addScript(name: string, more: Partial<FakeScript> = {}): FakeScript {
    const script = {
      bindings: [],
      settings: {},
      secrets: new Map<string, string>(),
      crons: [],
      deployments: [],
      migrationTag: undefined,
      uploads: 0,
      versions: new Map<string, () => void>(),
      ...more,
    };
    this.scripts.set(name, script);
    return script;
  }

  queue(name: string): FakeQueue | undefined {
    return this.queues.find(({ queue_name }) => queue_name === name);
  }

  database(idOrName: string) {
    return this.databases.get(idOrName) ?? [...this.databases.values()].find(({ uuid }) => uuid === idOrName);
  }

  close(): void {
    for (const { sqlite } of this.databases.values()) sqlite.close();
  }
}

export function hexId(): string {
  return randomBytes(16).toString("hex");
}
