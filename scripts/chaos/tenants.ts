import { type Api, expectOk, makeTenant } from "../../test/way/support/api.ts";
import { workToken } from "../../test/way/support/remote.ts";
import { Shops } from "../../test/way/support/shops.ts";
import type { World } from "./world.ts";

/** A tenant of a run with all that its jobs need. */
export interface Tenant {
  name: string;
  api: Api;
  /** Of its lead project. */
  leadKey: string;
  shops: Shops;
  site: string;
}

/** Calls to the mail API at once that each tenant's gate lets through. */
export const mailConcurrency = 48;

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/** A circuit that opens in a fault closes soon after it. */
const limits = { breaker: { failures: 5, openSeconds: 2 } };

export async function openTenant(world: World, name: string): Promise<Tenant> {
  const { url } = world.sandbox;
  const api = await makeTenant(world.api, name, url, { ...limits, concurrency: mailConcurrency });
  const put = (path: string, body: unknown) => expectOk(api.ask("PUT", `/v1/${path}`, { body }));
  await put("connections/slack", { provider: "slack", url: `${url}/slack/${name}`, limits });
  await put("connections/crm", { provider: "hubspot", baseUrl: `${url}/crm`, apiKey: "pat", limits });
  await put("connections/make", { provider: "make", url: `${url}/make/${name}-leads`, limits });
  await put("connections/models", { provider: "openai", baseUrl: `${url}/models/v1`, apiKey: "sk", model: "good", limits });
  for (const silent of ["analysis", "follow-up", "email", "analytics"]) await put(`destinations/${silent}`, { enabled: false });
  await put("destinations/erp", { url: `${url}/make/${name}-erp`, secret, events: ["lead.updated"] });
  await put("templates/news", { subject: "News, {{ name }}", text: "Hello {{ name }}" });
  const { body: project } = await put("projects/homes", { domains: ["homes.example"], country: "DE" });
  const shops = new Shops({ sandbox: asPlaying(world), now: () => world.now() }, api);
  const site = `${name}-shop`;
  await shops.connect(site, { orders: 120, products: 40 });
  return { name, api, leadKey: String(project.apiKey), shops, site };
}

/** Workers outside serve the first tenant. */
export async function openRemote(world: World, { name }: Tenant): Promise<void> {
  await world.startRemote({ JOBYARD_TOKEN: await workToken(world.api, name) });
}

function asPlaying({ sandbox }: World) {
  return {
    url: sandbox.url,
    ask: async (method: string, path: string, body?: unknown) => {
      const answer = await fetch(sandbox.url + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      return { status: answer.status, text: await answer.text() };
    },
  } as unknown as ConstructorParameters<typeof Shops>[0]["sandbox"];
}
