import type { Finding, RemedyCall } from "../report/model";

/** Bytes that one D1 database holds on a paid plan of Workers. */
export const maxLedgerBytes = 10_000_000_000;
/** Shares of it from which on the size is a finding, and a critical one. */
const [warningShare, criticalShare] = [0.8, 0.95];

/** The finding that the ledger nears the size of a database; `bytes` null: not known. */
export function ledgerFullFinding(bytes: number | null): Finding[] {
  const share = (bytes ?? 0) / maxLedgerBytes;
  if (bytes === null || share < warningShare) return [];
  const sentence =
    `The ledger (D1) has ${gigabytes(bytes)} of the ${gigabytes(maxLedgerBytes)} that a database holds, ${Math.floor(share * 100)} %. ` +
    "When it is full, jobs are accepted and do not run. Shorten the retention of tenants with many jobs, or divide the tenants: docs/scale.md.";
  const actions: RemedyCall[] = [{ method: "GET", path: "/v1/installation", label: "Look" }];
  const severity = share >= criticalShare ? "critical" : "warning";
  return [{ code: "ledger-full", severity, sentence, since: null, count: 1, subject: "ledger", tenant: "*", actions }];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes % 1e9 === 0 ? 0 : 2)} GB`;
}
