import type { WorkerEnv } from "../env";

type BindingOf<Kind> = { [Name in keyof WorkerEnv]: WorkerEnv[Name] extends Kind ? Name : never }[keyof WorkerEnv];

interface QueueSettings {
  binding: BindingOf<Queue>;
  batchSize: number;
  /** Seconds. */
  batchTimeout: number;
}

// The same as in wrangler.toml; a test compares them.
export const queues = {
  "prestashop-sync": { binding: "PRESTASHOP_SYNC", batchSize: 10, batchTimeout: 1 },
  "email-sending": { binding: "EMAIL_SENDING", batchSize: 50, batchTimeout: 1 },
  "email-bulk": { binding: "EMAIL_BULK", batchSize: 100, batchTimeout: 5 },
  "mail-events": { binding: "MAIL_EVENTS", batchSize: 100, batchTimeout: 5 },
  "image-processing": { binding: "IMAGE_PROCESSING", batchSize: 5, batchTimeout: 2 },
  "media-uploads": { binding: "MEDIA_UPLOADS", batchSize: 10, batchTimeout: 2 },
  "ai-agent-tasks": { binding: "AI_AGENT_TASKS", batchSize: 1, batchTimeout: 1 },
  "lead-submissions": { binding: "LEAD_SUBMISSIONS", batchSize: 25, batchTimeout: 1 },
  events: { binding: "EVENTS", batchSize: 100, batchTimeout: 1 },
  deliveries: { binding: "DELIVERIES", batchSize: 25, batchTimeout: 1 },
  "analytics-events": { binding: "ANALYTICS_EVENTS", batchSize: 10, batchTimeout: 5 },
  overflow: { binding: "OVERFLOW", batchSize: 25, batchTimeout: 1 },
  "dead-letters": { binding: "DEAD_LETTERS", batchSize: 100, batchTimeout: 5 },
} as const satisfies Record<string, QueueSettings>;

type QueueName = keyof typeof queues;

/** Undefined for a queue of another deployment: a message names the queue that it was sent to. */
export function queueNamed(name: string): QueueSettings | undefined {
  return Object.hasOwn(queues, name) ? queues[name as QueueName] : undefined;
}
