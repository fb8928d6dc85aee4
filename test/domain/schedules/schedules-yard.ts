import { env } from "cloudflare:workers";
import * as v from "valibot";
import { runDueSchedules } from "../../../src/domain/schedules/due";
import { type ScheduleInput, scheduleInput } from "../../../src/domain/schedules/model";
import { createScheduleStore } from "../../../src/domain/schedules/store";
import type { EnqueueRequest, Receipt } from "../../../src/queue/request";

export const store = createScheduleStore(env.DB);

/** Accepts like the engine does: one job per tenant, type and key. */
export class Yard {
  readonly jobs = new Map<string, EnqueueRequest>();
  readonly open = new Set<string>();
  readonly sizes: number[] = [];
  refuse: (request: EnqueueRequest) => Receipt | undefined = () => undefined;

  enqueue = async (requests: readonly EnqueueRequest[]): Promise<Receipt[]> => {
    this.sizes.push(requests.length);
    return requests.map((request) => this.refuse(request) ?? this.#accept(request));
  };

  isOpen = async (tenant: string, id: string) => this.open.has(`${tenant}:${id}`);

  tick = (now: number, limit?: number) => runDueSchedules({ now, store, enqueue: this.enqueue, isOpen: this.isOpen }, limit);

  planned(name: string): string[] {
    return [...this.jobs.values()].filter(({ own }) => own?.[1] === name).map(({ own }) => own?.[2] ?? "");
  }

  #accept(request: EnqueueRequest): Receipt {
    const id = `${request.type}/${request.own?.join(":")}`;
    const replayed = this.jobs.has(`${request.tenant}:${id}`);
    if (!replayed) this.jobs.set(`${request.tenant}:${id}`, request);
    return { ok: true, id, type: request.type, state: "queued", replayed };
  }
}

export const put = (tenant: string, name: string, at: number, over: Partial<ScheduleInput> = {}) =>
  store.put(tenant, name, v.parse(scheduleInput, { type: "email", payload: {}, cron: "* * * * *", ...over }), at);
