import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { type AlertFailure } from "../../../src/domain/alerts/model";
import { watch, type WatchDeps } from "../../../src/domain/alerts/watch";
import { rotationMark } from "../../../src/ledger/watermarks";
import { type EngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";

/** Empties the ledger and the alerts before each test of a file. */
export function useEmptyAlerts(): void {
  beforeEach(async () => {
    await emptyLedger();
    for (const table of ["alerts", "failure_groups"]) await env.DB.exec(`DELETE FROM ${table}`);
  });
}

export const minute = 60_000;

export const hour = 60 * minute;

export const noon = Date.UTC(2026, 10, 21, 12);

export type Sent = { tenant: string; notices: { kind: string; cause: string; count: number }[] };

/** The tick's step over a bench, and what it sent. */
export function watching(bench: EngineBench, options: { via?: readonly string[] | null; steps?: Awaited<ReturnType<WatchDeps["steps"]>> } = {}) {
  const sent: Sent[] = [];
  const state = {
    via: ["slack"] as readonly string[] | null,
    steps: [] as Awaited<ReturnType<WatchDeps["steps"]>>,
    findings: [] as AlertFailure[],
    ...options,
  };
  const deps: WatchDeps = {
    db: env.DB,
    mark: rotationMark(env.DB, "alerts"),
    steps: async () => state.steps,
    findings: async () => state.findings,
    send: async (tenant, notices) => {
      sent.push({ tenant, notices: notices.map(({ kind, alert: { cause, count } }) => ({ kind, cause, count })) });
      return state.via;
    },
  };
  const fail = async (tenant: string, reason: string, count = 1, more: object = {}) => {
    await bench.accept(Array.from({ length: count }, () => ({ tenant, payload: { script: [{ do: "discard", reason }], ...more } })));
    await bench.deliver(bench.held.slice());
  };
  return { sent, state, fail, tick: async (ms = minute) => watch(deps, bench.advance(ms)) };
}
