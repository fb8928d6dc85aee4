/**
 * The errors a caller may see: a closed list of codes, each with its HTTP status,
 * answered as `application/problem+json` (RFC 9457). Anything else that is thrown
 * is `internal`: its text goes to the log, never to the client.
 */
export const codes = {
  malformed: { status: 400, title: "The request cannot be read" },
  unauthorized: { status: 401, title: "Authentication is needed" },
  forbidden: { status: 403, title: "This is not allowed" },
  "type-not-allowed": { status: 403, title: "The token is not for this type" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "This method is not allowed here" },
  conflict: { status: 409, title: "The state does not allow that" },
  "pull-id-reused": { status: 409, title: "The pullId was used with another request" },
  "lease-lost": { status: 409, title: "The lease has ended" },
  "already-settled": { status: 409, title: "The job was settled with another outcome" },
  uncertain: { status: 409, title: "The effect may have happened" },
  ended: { status: 410, title: "The job has ended" },
  gone: { status: 410, title: "The job is no longer kept" },
  "too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "This content type is not understood" },
  invalid: { status: 422, title: "The request is understood but wrong" },
  "idempotency-mismatch": { status: 422, title: "The key was used with another payload" },
  "protocol-too-old": { status: 426, title: "The version of the protocol is no longer supported" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "The server failed" },
  unavailable: { status: 503, title: "Not possible right now" },
} as const;

export type Code = keyof typeof codes;

/** One thing wrong with the input: where (`payload.to`, `[3].type`; "" is the whole) and what would be right. */
export interface Issue {
  path: string;
  message: string;
}

/** An answer lists at most this many issues; one more gives the number of those left out. */
export const maxIssues = 20;
/** Characters of a path; names in it are the sender's. */
const maxPathLength = 200;

/** The first 20 issues, and one that counts the others and the `uncounted`. A list that went through here before stays as it is. */
export function firstIssues(issues: readonly Issue[], uncounted = 0): readonly Issue[] {
  const isShort = issues.length <= maxIssues + (uncounted === 0 ? 1 : 0);
  const listed = isShort ? issues : issues.slice(0, maxIssues);
  const left = issues.length - listed.length + uncounted;
  const short = listed.map(({ path, message }) => ({ path: shortPath(path), message }));
  return left === 0 ? short : [...short, { path: "", message: `and ${left.toLocaleString("en")} more` }];
}

/** The first three issues in a sentence, for `detail`. */
export function issueSummary(issues: readonly Issue[]): string {
  return issues
    .slice(0, 3)
    .map(({ path, message }) => (path === "" ? message : `${shortPath(path)}: ${message}`))
    .join("; ");
}

/** The sentence for an input with issues: `The body is wrong: to: is missing.` */
export function wrongInput(subject: string, issues: readonly Issue[]): string {
  return `${subject} is wrong: ${issueSummary(issues).replace(/\.$/, "")}.`;
}

/** The beginning of a path, which may be as long as what was sent. */
export function shortPath(path: string): string {
  return path.length <= maxPathLength ? path : `${path.slice(0, maxPathLength).toWellFormed()}…`;
}

interface ProblemOptions {
  errors?: readonly Issue[] | undefined;
  /** Whole seconds; becomes the `Retry-After` header. */
  retryAfter?: number | undefined;
  /** Methods for the `Allow` header of a 405. */
  allow?: readonly string[];
  /** Further members of the answer: `state` of a job, `since` of an effect. */
  members?: Readonly<Record<string, string | number | null>>;
  cause?: unknown;
}

/** A foreseen refusal. `detail` is shown to the caller: it must hold nothing secret or personal. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: Code;
  readonly errors: readonly Issue[];
  readonly retryAfter: number | undefined;
  readonly allow: readonly string[] | undefined;
  readonly members: Readonly<Record<string, string | number | null>>;

  constructor(code: Code, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.errors = firstIssues(options.errors ?? []);
    this.retryAfter = options.retryAfter;
    this.allow = options.allow;
    this.members = options.members ?? {};
  }

  get status(): number {
    return codes[this.code].status;
  }
}

/** The Problem of a refused request, such as a refused receipt. */
export function problemOfRefusal({
  code,
  detail,
  errors,
  retryAfter,
}: { code: Code; detail: string } & Pick<ProblemOptions, "errors" | "retryAfter">): Problem {
  return new Problem(code, detail, { errors, retryAfter });
}

/** Whatever was thrown, as a Problem; what was not foreseen becomes `internal` without its text. */
export function fromUnknown(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem("internal", "The request failed; it is logged and safe to send again.", { cause: thrown });
}

/** The body of a problem+json answer. */
export function problemBody(problem: Problem, instance?: string): Record<string, unknown> {
  return {
    type: `urn:jobyard:problem:${problem.code}`,
    title: codes[problem.code].title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    ...problem.members,
    ...(instance ? { instance } : {}),
    errors: problem.errors,
  };
}

/** The text of anything thrown, for logs and job errors; never a stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
