import { redelivery } from "./backoff";
import { secondsHeld } from "./day-limit";
import type { Engine } from "./engine";

/**
 * The one answer to a message: it is acknowledged when each job it carries was, else delivered again after the smallest delay
 * that one of them needs.
 */
export class MessageAnswer {
  private delay = Infinity;

  /** Jobs of the message that have no answer yet. */
  private open: number;

  /** `jobs`: how many the message carries. */
  constructor(
    readonly message: Message,
    readonly jobs = 1,
  ) {
    this.open = jobs;
  }

  ack(): void {
    this.close();
  }

  /** `seconds`: whole; default: by the number of deliveries so far, 1 s to 15 min. Longer while D1's limit of the day is used up. */
  redeliver(engine: Engine, seconds = redelivery(this.message.attempts, engine.random)): void {
    this.delay = Math.min(this.delay, Math.max(seconds, secondsHeld(engine)));
    this.close();
  }

  private close(): void {
    if (--this.open > 0) return;
    if (this.delay === Infinity) this.message.ack();
    else this.message.retry({ delaySeconds: this.delay });
  }
}

/** Delivers messages again after 1 s to 15 min, by the number of deliveries so far. */
export function redeliver(engine: Engine, messages: readonly Message[]): void {
  for (const message of messages) new MessageAnswer(message).redeliver(engine);
}
