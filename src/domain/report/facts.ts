import type { OpenGroup } from "../../ledger/open-jobs";
import type { HeavyView } from "../../ledger/heavy";
import type { PauseView } from "../../ledger/pauses";
import type { TroubledCampaign } from "../campaigns/trouble";
import type { LedgerLimit } from "../installation/ledger-size";
import type { TenantGate } from "./gates";
import type { ReportRows } from "./queries";

/** Jobs that will be tried again, with the failure group of their last attempt. */
export interface FailingGroup extends OpenGroup {
  group: string;
}

/** What a report is made from. Times in milliseconds. */
export interface ReportFacts extends ReportRows {
  now: number;
  pauses: readonly PauseView[];
  heavy: readonly HeavyView[];
  open: readonly OpenGroup[];
  /** Open groups whose jobs will be tried again, without those that an operator has resolved or ignores. */
  retrying: readonly FailingGroup[];
  /** Gates that are not closed. */
  gates: readonly TenantGate[];
  /** Those of them before open jobs. */
  circuits: ReadonlyMap<string, TenantGate>;
  /** `tenant queue`: jobs that ended in the last minutes. */
  ended: ReadonlyMap<string, number>;
  /** Steps of the tick, for the installation's own report; else empty. */
  steps: readonly { step: string; outcome: string; at: number; detail?: string | null }[];
  budgets: readonly { tenant: string; usdPerMonth: number; spent: number }[];
  campaigns: readonly TroubledCampaign[];
  /** Whether the report is the installation's. */
  installation: boolean;
  /** Null for a tenant. */
  ledgerLimit: LedgerLimit | null;
  /** Remote types with open jobs that no worker asks for: since when none asks (null: always), and since when the oldest job waits. */
  unpolled: readonly { tenant: string; type: string; count: number; since: number | null; oldestAt: number }[];
}
