/** What a test sets of a call of the interface besides method and path. */
export interface CallOptions {
  token?: string | undefined;
  tenant?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  body: any; // eslint-disable-line -- tests look into answers of every shape
}

export function requestOf(method: string, path: string, { token, tenant, body, headers = {} }: CallOptions): Request {
  const isRaw = body === undefined || typeof body === "string" || body instanceof ReadableStream || body instanceof Uint8Array;
  return new Request(`https://jobs.example.com${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(tenant === undefined ? {} : { "jobyard-tenant": tenant }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (isRaw ? body : JSON.stringify(body)) as BodyInit }),
  });
}

export async function answered(response: Response): Promise<Answered> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}
