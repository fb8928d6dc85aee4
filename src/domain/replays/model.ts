/** Bringing dead letters back, as operators ask for it. Throws only when the ledger or a payload's storage cannot be reached. */
export interface Replays {
  /** What would be replayed; changes nothing. */
  plan(tenant: string, request: ReplayRequest): Promise<ReplayPlan>;
  /** `id`: a UUID that names it; made here when left out. */
  create(tenant: string, request: ReplayRequest, id?: string): Promise<ReplayView>;
  get(tenant: string, id: string): Promise<ReplayView | null>;
  /** Newest first. */
  list(tenant: string, limit: number): Promise<ReplayView[]>;
  /** Stops what has not been replayed yet. `changed` false: it had ended. */
  abort(tenant: string, id: string): Promise<{ replay: ReplayView; changed: boolean } | null>;
}

/** Exactly one of filter and ids, neither of them empty. */
export interface ReplayRequest {
  filter?: ReplayFilter | undefined;
  ids?: readonly string[] | undefined;
  /** Merged into each payload (RFC 7396); the result is validated before anything is sent. */
  patch?: Record<string, unknown> | undefined;
  ratePerMinute?: number | undefined;
}

/** Times in milliseconds, from inclusive, to exclusive. */
export interface ReplayFilter {
  type?: string | undefined;
  state?: "dead" | "discarded" | undefined;
  siteId?: string | undefined;
  group?: string | undefined;
  q?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

export interface ReplayPlan {
  /** Dead letters that the request names. */
  total: number;
  byType: Record<string, number>;
  /** Those that cannot be replayed with this patch, and why; up to 100. */
  refused: { id: string; reason: string }[];
  /** Payloads that were tried with the patch: the first 500. */
  checked: number;
  /** Whether there are more dead letters than a plan counts. */
  more: boolean;
}

export interface ReplayView {
  id: string;
  state: "running" | "done" | "aborted";
  total: number;
  replayed: number;
  failed: number;
  /** Milliseconds. */
  at: number;
  endedAt: number | null;
  ratePerMinute: number | null;
}
