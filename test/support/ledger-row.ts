/** A row of the ledger, as stored. */
export interface LedgerRow {
  tenant: string;
  id: string;
  type: string;
  state: string;
  seq: number;
  attempt: number;
  runs: number;
  due: number | null;
  sent: number | null;
  wake: number | null;
  gate: string | null;
  sweeps: number;
  crash: number;
  cancel: number;
  revision: number;
  pinned: number | null;
  doubt: number;
  until: number;
  ended: number | null;
  reason: string | null;
  result: string | null;
  cursor: string | null;
  progress: string | null;
  payload: string | null;
  ref: string | null;
}
