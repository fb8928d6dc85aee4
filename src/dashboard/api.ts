/** Answers a request to `/v1` with the same authorisation, limits and audit as over the network. */
export type AnswerRequest = (request: Request) => Promise<Response>;

/** The public interface, called within the Worker with the viewer's token. */
export interface Api {
  /** Undefined parameters are left out of the query. Throws `ApiProblem` when the call is refused. */
  get<Body>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<Body>;
  /** `key`: the idempotency key. */
  send<Body>(method: string, path: string, body?: unknown, key?: string): Promise<Body>;
}

/** A refused call; `message` is its reason, for a person. */
export class ApiProblem extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

interface Identity {
  token: string;
  /** Null: all tenants. */
  tenant: string | null;
}

export function createApi(answer: AnswerRequest, request: Request, { token, tenant }: Identity): Api {
  const send = async <Body>(method: string, path: string, body?: unknown, key?: string): Promise<Body> => {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    const address = request.headers.get("cf-connecting-ip");
    if (address !== null) headers.set("cf-connecting-ip", address);
    if (tenant !== null) headers.set("jobyard-tenant", tenant);
    if (key !== undefined) headers.set("idempotency-key", key);
    if (body !== undefined) headers.set("content-type", "application/json");
    const content = body === undefined ? null : JSON.stringify(body);
    const response = await answer(new Request(new URL(path, request.url), { method, headers, body: content }));
    const text = await response.text();
    const value: unknown = text === "" ? undefined : JSON.parse(text);
    if (!response.ok) throw new ApiProblem(response.status, detailOf(value));
    return value as Body;
  };
  return { send, get: (path, query = {}) => send("GET", `${path}${searchOf(query)}`) };
}

/** The detail with the first issue: what is wrong, and where. */
function detailOf(value: unknown): string {
  const { detail = "The call was refused.", errors = [] } = (value ?? {}) as { detail?: string; errors?: { path: string; message: string }[] };
  const [first] = errors;
  return first && !detail.includes(first.message) ? `${detail} ${first.path} ${first.message}.` : detail;
}

export function searchOf(query: Readonly<Record<string, string | undefined>>): string {
  const parameters = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "");
  return parameters.length === 0 ? "" : `?${new URLSearchParams(parameters)}`;
}
