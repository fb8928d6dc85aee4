import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { compare } from "../../scripts/bench/accepting.ts";
import { byStatus, percentile, postAll } from "../../scripts/bench/posts.ts";

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** Answers with the status that the body names, after the same bytes; `reset` breaks the connection. */
async function echo(seen: { sockets: Set<unknown>; most: number; open: number }): Promise<string> {
  const server = createServer((request, response) => {
    seen.sockets.add(request.socket);
    seen.most = Math.max(seen.most, ++seen.open);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      seen.open--;
      const body = Buffer.concat(chunks).toString();
      if (body === "reset") return void request.socket.destroy();
      response.writeHead(Number(body)).end(body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const nothing = () => ({ sockets: new Set(), most: 0, open: 0 });

it("posts in their order over a few connections, and what is not answered is a result too", async () => {
  const seen = nothing();
  const url = await echo(seen);
  const bodies = ["200", "reset", "303", ...Array.from({ length: 40 }, () => "202")];
  const posted = await postAll(
    bodies.map((body) => ({ url, headers: {}, body })),
    4,
  );
  expect(posted.map(({ status }) => status)).toEqual(bodies.map((body) => (body === "reset" ? 0 : Number(body))));
  expect(posted[2]?.body).toBe("303");
  expect(seen.most).toBeLessThanOrEqual(4);
  expect(seen.sockets.size).toBeLessThan(10);
  expect(byStatus(posted)).toBe("200 × 1, no answer × 1, 303 × 1, 202 × 40");
});

it("counts what a contender refuses, and measures against the first", async () => {
  const url = await echo(nothing());
  const post = (body: string) => () => ({ url, headers: {}, body });
  const [base, refusing] = await compare(
    [
      { name: "base", post: post("200") },
      { name: "refusing", post: post("503") },
    ],
    16,
  );
  expect(base).toMatchObject({ ratio: 1, failed: 0 });
  expect(refusing?.failed).toBeGreaterThan(1000);
});

it.each([
  [[], 50, 0],
  [[3, 1, 2], 50, 2],
  [[1, 2, 3, 4], 100, 4],
])("of %j, %d % lie below %d", (values, percent, expected) => {
  expect(percentile(values, percent)).toBe(expected);
});
