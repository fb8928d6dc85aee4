import type { Entry } from "../sandbox/journal.ts";
import type { Mail } from "../sandbox/mailbox.ts";

/** A call that a provider has acted on. */
export interface Act {
  provider: string;
  path: string;
  /** `webhook-id` or idempotency key. */
  key: string | null;
  body: string;
  /** Whether the sandbox itself kept its answer from the caller. */
  unheard: boolean;
  /** When the call began and ended, in milliseconds of the machine's clock. */
  from: number;
  to: number;
}

/** All that the outside world saw of a run. Marks are texts as `m12@t0.example`: the post's number and its tenant. */
export class Observed {
  /** Mails by recipient. */
  readonly mails = new Map<string, number>();
  readonly acts: Act[] = [];
  /** Most calls of a tenant to the mail API at once. */
  readonly mostAtOnce = new Map<string, number>();
  /** Calls that name two tenants. */
  readonly mixed: string[] = [];
  calls = 0;
  readonly #open = new Map<string, number>();
  readonly #begunAt = new Map<number, number>();

  readonly onMail = (mail: Mail): void => {
    for (const address of mail.to) this.mails.set(address, (this.mails.get(address) ?? 0) + 1);
  };

  readonly onCall = (entry: Entry, phase: "begun" | "over"): void => {
    const tenants = tenantsIn(entry);
    if (phase === "begun") this.#begun(entry, tenants);
    else this.#over(entry, tenants);
  };

  #begun(entry: Entry, tenants: readonly string[]): void {
    this.calls++;
    this.#begunAt.set(entry.id, Date.now());
    if (tenants.length > 1) this.mixed.push(`a call to ${entry.provider}${entry.path} names ${tenants.join(" and ")}`);
    if (entry.provider !== "mail") return;
    const open = (this.#open.get(tenants[0] ?? "") ?? 0) + 1;
    this.#open.set(tenants[0] ?? "", open);
    this.mostAtOnce.set(tenants[0] ?? "", Math.max(open, this.mostAtOnce.get(tenants[0] ?? "") ?? 0));
  }

  #over(entry: Entry, tenants: readonly string[]): void {
    if (entry.provider === "mail") this.#open.set(tenants[0] ?? "", (this.#open.get(tenants[0] ?? "") ?? 0) - 1);
    const to = Date.now();
    const from = this.#begunAt.get(entry.id) ?? to;
    this.#begunAt.delete(entry.id);
    if (!entry.acted) return;
    const { provider, path, body } = entry;
    const unheard = entry.end !== "answered" || (entry.fault !== null && (entry.status ?? 500) >= 300);
    this.acts.push({ provider, path, key: entry.headers["webhook-id"] ?? entry.idempotencyKey, body: body.slice(0, 4000), unheard, from, to });
  }
}

/** By its path and by the marks in its body. */
function tenantsIn({ path, body }: Entry): string[] {
  const named = /^\/(t\d+)(?:-|$)/.exec(path)?.[1];
  const marked = [...body.matchAll(/@(t\d+)\.example/g)].map(([, tenant]) => tenant ?? "");
  return [...new Set([...(named === undefined ? [] : [named]), ...marked])];
}
