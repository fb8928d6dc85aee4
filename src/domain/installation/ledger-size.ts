import type { Finding, RemedyCall } from "../report/model";

/** How many bytes D1 lets the ledger have, and where that is known from. */
export interface LedgerLimit {
  bytes: number;
  from: "variable" | "free-plan" | "paid-plan";
}

/** One D1 database on a paid plan of Workers, and on the free plan: Cloudflare's limits of D1. */
export const paidPlanLimit: LedgerLimit = { bytes: 10_000_000_000, from: "paid-plan" };
const freePlanLimit: LedgerLimit = { bytes: 500_000_000, from: "free-plan" };
/** Shares of it from which on the size is a finding, and a critical one. */
const [warningShare, criticalShare] = [0.8, 0.95];

/**
 * The limit by the variable `MAX_LEDGER_BYTES`, else by the plan of the account. The plan is the free one where D1 has refused by its daily limit, unless
 * the ledger is larger than that plan allows. Throws when the variable is malformed.
 */
export async function ledgerLimit(variable: string | undefined, bytes: number | null, metDayLimit: () => Promise<boolean>): Promise<LedgerLimit> {
  const set = maxBytesIn(variable);
  if (set !== undefined) return { bytes: set, from: "variable" };
  if (bytes !== null && bytes > freePlanLimit.bytes) return paidPlanLimit;
  return (await metDayLimit()) ? freePlanLimit : paidPlanLimit;
}

/** Bytes of the variable `MAX_LEDGER_BYTES`; undefined when it is not set. Throws when it is malformed. */
export function maxBytesIn(variable: string | undefined): number | undefined {
  if (variable === undefined || variable === "") return undefined;
  // A number in wrangler.toml arrives as one.
  if (!/^[1-9]\d{5,14}$/.test(String(variable))) throw new Error("MAX_LEDGER_BYTES must be a whole number of bytes, at least 100000");
  return Number(variable);
}

/** The finding that the ledger nears its limit; `bytes` null: not known. */
export function ledgerFullFinding(bytes: number | null, limit: LedgerLimit): Finding[] {
  const share = (bytes ?? 0) / limit.bytes;
  if (bytes === null || share < warningShare) return [];
  const sentence =
    `The ledger (D1) has ${sizeText(bytes)} of the ${sizeText(limit.bytes)} that ${holder[limit.from]}, ${Math.floor(share * 100)} %. ` +
    `When it is full, jobs are accepted and do not run. ${remedy[limit.from]}Shorten the retention of tenants with many jobs, or divide the tenants: docs/scale.md.`;
  const actions: RemedyCall[] = [{ method: "GET", path: "/v1/installation", label: "Look" }];
  const severity = share >= criticalShare ? "critical" : "warning";
  return [{ code: "ledger-full", severity, sentence, since: null, count: 1, subject: "ledger", tenant: "*", actions }];
}

const holder: Record<LedgerLimit["from"], string> = {
  variable: "MAX_LEDGER_BYTES sets",
  "free-plan": "a database holds on the Workers Free plan, by whose limit of a day D1 has refused",
  "paid-plan": "a database holds",
};

const remedy: Record<LedgerLimit["from"], string> = {
  variable: "",
  "free-plan": `On a paid plan it holds ${sizeText(paidPlanLimit.bytes)}: where the account has one, set MAX_LEDGER_BYTES. `,
  "paid-plan": "",
};

function sizeText(bytes: number): string {
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(bytes % 1e9 === 0 ? 0 : 2)} GB`;
}
