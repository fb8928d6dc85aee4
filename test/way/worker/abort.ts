import { abortIsolate } from "cloudflare:workers";

declare module "cloudflare:workers" {
  /** Ends this isolate at once: the runtime has it, its types do not. */
  export function abortIsolate(reason?: string): never;
}

export const die = (): never => abortIsolate("a story wants it");
