import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { demoKey } from "../../scripts/sandbox/shop/settings.ts";
import { play, type Answer, type Playing } from "./sandbox.ts";

export let sandbox: Playing;

export const now = Date.parse("2026-11-20T12:00:00Z");

/** Starts the sandbox for the tests of a file, and empties it before each. */
export function useShop(): void {
  beforeAll(async () => {
    sandbox = await play({ now: () => now });
  });
  beforeEach(() => sandbox.ask("POST", "/__reset"));
  afterAll(() => sandbox.close());
}

export const basic = (key: string) => ({ authorization: `Basic ${btoa(`${key}:`)}` });

export const known = basic(demoKey);

/** Makes the shop `one`. */
export async function make(settings: Record<string, unknown> = {}): Promise<void> {
  const answer = await sandbox.ask("POST", "/shop/__shops", { name: "one", orders: 30, products: 9, ...settings });
  expect(answer.text).toContain('"name":"one"');
}

/** With JSON asked for in the address; parameters as PHP reads them. */
export function get(path: string, parameters: Record<string, string> = {}, headers: Record<string, string> = known): Promise<Answer> {
  return sandbox.ask("GET", `/shop/one/api${path}?${new URLSearchParams({ output_format: "JSON", ...parameters })}`, undefined, headers);
}
