import type { Answering, Call, Provider, Reply } from "../provider.ts";
import { Shops } from "./shops.ts";
import { errors, webservice } from "./webservice.ts";

/**
 * PrestaShops of 1.7.8 and 8.2 with the legacy webservice: `/shop/{name}/api/…`. The shop `demo` is always there;
 * others are made, changed and looked into under `/shop/__shops`.
 */
export const shop: Provider = {
  name: "shop",
  open(world) {
    const shops = new Shops(() => world.now());
    return {
      answer: (call) => answer(call, shops),
      refuse,
      reset: () => shops.clear(),
    } satisfies Answering;
  },
};

async function answer(call: Call, shops: Shops): Promise<Reply> {
  if (/^\/__shops(\/|$)/.test(call.path)) return shops.control(call.method, call.path, call.query, call.body);
  const [, name = "", rest] = /^\/([^/]+)\/api(\/.*)?$/.exec(call.path) ?? [];
  const open = shops.get(name);
  if (!open) return page(404, "Not Found");
  open.most = Math.max(open.most, ++open.inside);
  try {
    await call.pause();
    await open.hold.pass();
    const resource = rest?.split("/")[1] ?? "";
    shops.countRequest(open, resource);
    const { rows, ...reply } = webservice(open, call, rest ?? "/");
    shops.answered(open, resource, rows, Buffer.byteLength(reply.body));
    return reply;
  } finally {
    open.inside--;
  }
}

/** What hosting answers in front of a shop; 401 and 405 are the webservice's own. */
function refuse(status: number): Reply {
  if (status === 401) return json(401, [{ status, code: 20, message: "Authentification key is not active" }]);
  if (status === 405) return json(405, [{ status, code: 25, message: "Method GET is not allowed for the resource with this authentication key" }]);
  const titles: Record<number, string> = {
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    503: "Site under maintenance",
    508: "Resource Limit Is Reached",
  };
  return page(status, titles[status] ?? "Something went wrong");
}

function json(status: number, refusals: Parameters<typeof errors>[0]): Reply {
  return { status, headers: { "content-type": "application/json" }, body: errors(refusals, false).text };
}

function page(status: number, title: string): Reply {
  const body = `<!DOCTYPE html>\n<html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status, headers: { "content-type": "text/html; charset=utf-8" }, body };
}
