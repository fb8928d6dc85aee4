import { beforeAll, beforeEach } from "vitest";
import * as v from "valibot";
import { lead } from "../../src/jobs/lead/job";
import { createIntakeBench, type IntakeBench, type Tokens } from "./bench";

/** A new one for each file. */
export let bench: IntakeBench;

export const path = "/v1/leads/forms/homes";

export const page = "https://homes.example/contact";

export let own: Tokens;

export let other: Tokens;

export let apiKey: string;

export let ids: { siteKey: string; formId: string };

export const settings = {
  domains: ["homes.example", "*.flats.example"],
  thankYouUrl: "https://homes.example/thanks",
  country: "DE",
  testStrings: ["testing"],
  testIps: ["192.0.2.10"],
  blockedIps: ["192.0.2.66"],
  crmSecret: "crm-secret-of-tests",
};

/** Makes the interface and the tenants of the forms, and takes back what a test changed. To be called by each test file: a module is loaded once for all files of a runtime. */
export function useLeadForms(): void {
  beforeAll(async () => {
    bench = createIntakeBench();
    own = await bench.tenant("forms");
    other = await bench.tenant("forms-other");
    const put = await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: settings });
    ({ apiKey } = put.body);
    ids = { siteKey: put.body.siteKey, formId: put.body.formId };
  });
  beforeEach(() => {
    bench.seen.requests.length = 0;
    bench.seen.audits.length = 0;
    bench.deps.leads = { ...bench.deps.leads, mayPost: async () => true, mayPostTo: async () => true, turnstile: async () => ({ result: "passed" }) };
  });
}

export const keyed = (body: unknown, headers: Record<string, string> = {}) => bench.call("POST", path, { body, headers: { "x-api-key": apiKey, ...headers } });

export const browse = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  bench.call("POST", path, {
    body: new URLSearchParams({ ...ids, ...fields }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json", origin: "https://homes.example", ...headers },
  });
export const taken = () => bench.seen.requests.map(({ payload }) => v.parse(lead.payload, payload));
