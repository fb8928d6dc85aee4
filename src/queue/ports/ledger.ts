import type { HeavyLedger } from "./heavy-ledger";
import type { IntakeLedger } from "./intake-ledger";
import type { OperatorLedger } from "./operator-ledger";
import type { RunLedger } from "./run-ledger";
import type { TickLedger } from "./tick-ledger";

/**
 * The ledger as the engine uses it, divided by caller. Every call is one round trip unless its comment states another number, names the tenant of each row,
 * and throws only when the ledger cannot be reached. Times are milliseconds, passed in: the ledger has no clock.
 */
export interface Ledger extends IntakeLedger, RunLedger, TickLedger, OperatorLedger, HeavyLedger {}
