import { initTRPC, TRPCError } from "@trpc/server";

/*
 * The tRPC interface. Its callers import the type `AppRouter` of this file ("jobyard/trpc"), so the file must stand alone: it imports nothing
 * of ours and nothing of the Worker's types. Inputs are validated where they arrive over HTTP too: every procedure is a call of a `/v1` route.
 */

/** One thing wrong with the input: where (`payload.to`, `[3].type`; "" is the whole) and what would be right. */
export interface InputIssue {
  path: string;
  message: string;
}

/** What a refused call carries in `error.data.problem`: the fields of problem+json. */
export interface ProblemData {
  code: string;
  detail: string;
  errors: readonly InputIssue[];
  /** Seconds to wait before the call is sent again. */
  retryAfter?: number;
}

/** Options of an enqueue. */
export interface EnqueueOptions {
  /** The same key with the same payload is the same job: 1 to 256 visible characters. */
  idempotencyKey?: string;
  /** Whole seconds, at most 366 days; not together with `runAt`. */
  delaySeconds?: number;
  /** ISO 8601. */
  runAt?: string;
  /** Runs the job without acts on the outside world. */
  dryRun?: boolean;
}

export interface EnqueueInput extends EnqueueOptions {
  /** As `GET /v1/types` lists them. */
  type: string;
  payload: unknown;
}

export interface AcceptedJob {
  id: string;
  type: string;
  state: JobState;
}

export type JobState = "queued" | "running" | "done" | "retrying" | "waiting" | "cancelled" | "discarded" | "dead";

/** The main fields of a job; an answer has more. */
export interface JobSummary {
  id: string;
  type: string | null;
  state: JobState;
  attempt: number;
  maxAttempts: number | null;
  waitingFor?: string | null;
  error?: string | null;
}

/** As `GET /v1/jobs/{id}` answers. Personal fields are masked. */
export interface JobDetail extends JobSummary {
  timeline: readonly { at: string; event: string; [field: string]: unknown }[];
  effects: readonly { key: string; state: string; [field: string]: unknown }[];
  payload: unknown;
  result?: unknown;
}

export interface ListInput {
  type?: string;
  state?: JobState;
  siteId?: string;
  /** The id of the job that enqueued them. */
  parent?: string;
  q?: string;
  /** ISO 8601. */
  from?: string;
  /** ISO 8601. */
  to?: string;
  /** The `cursor` of the page before; null for the first page. */
  cursor?: string | null;
  /** 1 to 200; 50 when it is left out. */
  limit?: number;
}

export interface JobPage {
  jobs: readonly JobSummary[];
  /** Cursor of the next page; null at the end. */
  cursor: string | null;
}

/** A mail. With a template no `html` and no `text`; without one a subject and at least one of them. */
export interface EmailInput extends EnqueueOptions, MailContent {
  /** `ada@example.com` or `Ada <ada@example.com>`; up to 50. */
  to: string | string[];
}

/** One content for up to 10,000 recipients, each with a mail of its own. */
export interface BulkEmailInput extends MailContent {
  recipients: BulkRecipient[];
  /** The same list under the same key is enqueued once: a recipient without a key gets `{this}:{address}`. */
  idempotencyKey?: string;
}

export interface BulkRecipient {
  /** One address. */
  to: string;
  /** Added to the variables of the mail, which they override. */
  variables?: Record<string, unknown>;
  idempotencyKey?: string;
}

interface MailContent {
  subject?: string;
  templateId?: string;
  html?: string;
  text?: string;
  variables?: Record<string, unknown>;
  /** `normal` for one mail, `low` for a list. */
  priority?: "high" | "normal" | "low";
  from?: string;
  replyTo?: string;
}

export interface BatchReceipt {
  accepted: number;
  rejected: readonly { index: number; code: string; detail: string; errors: readonly InputIssue[] }[];
  /** By index; null where the entry was rejected. */
  ids: readonly (string | null)[];
}

/** Calls a `/v1` route as the caller of this request. Throws `Refused` when the answer is a problem. */
export type CallRoute = (method: "GET" | "POST", path: string, body?: unknown, headers?: Record<string, string>) => Promise<unknown>;

/** A `/v1` route refused the call. */
export class TrpcRefusal extends Error {
  readonly status: number;
  readonly problem: ProblemData;

  constructor(status: number, problem: ProblemData) {
    super(problem.detail);
    this.status = status;
    this.problem = problem;
  }
}

const t = initTRPC.context<{ callRoute: CallRoute }>().create({
  // Else it asks for `process`, which costs the start of an isolate 18 ms.
  isDev: false,
  errorFormatter: ({ shape, error }) => {
    const { stack: _, ...data } = shape.data;
    const problem = error.cause instanceof TrpcRefusal ? error.cause.problem : null;
    // The text of an unforeseen error is not shown.
    const message = problem === null && error.code === "INTERNAL_SERVER_ERROR" ? "The call failed; it is safe to send again." : shape.message;
    return { ...shape, message, data: { ...data, problem } };
  },
});

/** Translates the status of the route's answer into a tRPC code. */
const procedure = t.procedure.use(async ({ next }) => {
  const result = await next();
  if (result.ok || !(result.error.cause instanceof TrpcRefusal)) return result;
  const { status, message } = result.error.cause;
  throw new TRPCError({ code: codes[status] ?? "INTERNAL_SERVER_ERROR", message, cause: result.error.cause });
});

export const appRouter = t.router({
  jobs: t.router({
    enqueue: procedure.input(asGiven<EnqueueInput>).mutation(({ ctx, input }): Promise<AcceptedJob> => enqueue(ctx.callRoute, input)),
    get: procedure.input(asGiven<{ id: string }>).query(({ ctx, input }) => ctx.callRoute("GET", `/v1/jobs/${idOf(input)}`) as Promise<JobDetail>),
    list: procedure.input(asGiven<ListInput | undefined>).query(({ ctx, input }) => ctx.callRoute("GET", `/v1/jobs?${searchOf(input)}`) as Promise<JobPage>),
  }),
  email: t.router({
    send: procedure.input(asGiven<EmailInput>).mutation(({ ctx, input }): Promise<AcceptedJob> => {
      const { idempotencyKey, delaySeconds, runAt, dryRun, ...payload } = objectOf(input) as unknown as EmailInput;
      return enqueue(ctx.callRoute, { type: "email", payload, idempotencyKey, delaySeconds, runAt, dryRun });
    }),
    sendBulk: procedure.input(asGiven<BulkEmailInput>).mutation(({ ctx, input }) => {
      const { idempotencyKey, ...body } = objectOf(input);
      return ctx.callRoute("POST", "/v1/email/bulk", body, keyHeader(idempotencyKey)) as Promise<BatchReceipt>;
    }),
  }),
});

/** What a tRPC client is typed with: `createTRPCClient<AppRouter>(…)`. */
export type AppRouter = typeof appRouter;

type Optional<T> = { [Key in keyof T]: T[Key] | undefined };

function enqueue(callRoute: CallRoute, input: Optional<EnqueueInput>): Promise<AcceptedJob> {
  const { idempotencyKey, ...body } = objectOf(input);
  return callRoute("POST", "/v1/jobs", body, keyHeader(idempotencyKey)) as Promise<AcceptedJob>;
}

function keyHeader(key: unknown): Record<string, string> {
  return key === undefined ? {} : { "idempotency-key": quoted(key) };
}

/** As RFC 9651 writes a string: a key with a quote or a backslash stays one key. Throws `Refused` for what no header can carry. */
function quoted(key: unknown): string {
  const isKey = typeof key === "string" && key.length <= 256 && /^[\x20-\x7e]{1,256}$/.test(key);
  if (!isKey) throw invalidInput("The idempotencyKey is wrong.", "idempotencyKey", "must be 1 to 256 printable ASCII characters");
  return `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function idOf(input: unknown): string {
  const { id } = objectOf(input);
  if (typeof id === "string" && id.length <= 64 && /^[a-z0-9-]{1,64}$/.test(id)) return id;
  throw invalidInput("The id is wrong.", "id", "must be the id of a job");
}

function invalidInput(detail: string, path: string, message: string): TrpcRefusal {
  return new TrpcRefusal(422, { code: "invalid", detail, errors: [{ path, message }] });
}

/** The type of an input is for callers; the route behind the procedure validates it. */
function asGiven<Input>(input: unknown): Input {
  return input as Input;
}

function objectOf(input: unknown): Record<string, unknown> {
  if (typeof input === "object" && input !== null && !Array.isArray(input)) return input as Record<string, unknown>;
  throw invalidInput("The input must be an object.", "", "must be an object");
}

function searchOf(input: unknown): URLSearchParams {
  const fields = Object.entries(input === undefined || input === null ? {} : objectOf(input)).filter(
    ([name, value]) => value !== undefined && !(name === "cursor" && value === null),
  );
  const invalid = fields.find(([, value]) => typeof value !== "string" && typeof value !== "number");
  if (invalid)
    throw invalidInput(`The filter is wrong: ${invalid[0].slice(0, 100)} must be a text or a number.`, invalid[0].slice(0, 100), "must be a text or a number");
  return new URLSearchParams(fields.map(([name, value]) => [name, String(value)]));
}

const codes: Readonly<Record<number, TRPCError["code"]>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  503: "SERVICE_UNAVAILABLE",
};
