/** The pages, without the types of the Worker: this project has those of Node and of browsers. */
export function createDashboard(deps: {
  answer(request: Request): Promise<Response>;
  vault: {
    seal(tenant: string, name: string, text: string): Promise<string>;
    open(tenant: string, name: string, sealed: string): Promise<{ ok: true; text: string } | { ok: false }>;
  };
  now(): number;
}): (request: Request) => Promise<Response> | undefined;
