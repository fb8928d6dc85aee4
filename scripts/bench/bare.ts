// Used by the benchmarks of this folder, as a Worker: it only calls send(). What accepting costs is measured against it.
interface Bare {
  QUEUE: { send(body: unknown): Promise<unknown> };
}

export default {
  async fetch(request: Request, { QUEUE }: Bare): Promise<Response> {
    if (request.method === "POST") await QUEUE.send(await request.text());
    return Response.json({ ok: true });
  },
  /** What was sent is of no interest. */
  queue(): void {},
};
