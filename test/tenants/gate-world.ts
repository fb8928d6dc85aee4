import type { GateLimits } from "../../src/tenants/gate-limits";
import { enter, leave, status } from "../../src/tenants/gate-rules";
import { type GateAnswer, newGate } from "../../src/tenants/gate-state";
import type { GateReport } from "../../src/queue/ports/gates";

export const minute = 60_000;

export const start = 1_800_000_000_000;

/** A gate with its clock, for stories. */
export function gate(limits: GateLimits = {}) {
  const me = {
    state: newGate(),
    now: start,
    enter(ids: string[], leaseMs = minute): GateAnswer[] {
      const { state, answers } = enter(
        me.state,
        ids.map((id) => ({ id })),
        limits,
        leaseMs,
        me.now,
      );
      me.state = state;
      return answers;
    },
    in(id: string, leaseMs = minute) {
      const [answer] = me.enter([id], leaseMs);
      if (!answer?.granted) throw new Error(`${id} was held back: ${answer?.reason}`);
      return { id, lease: answer.lease, probe: answer.probe };
    },
    held(id: string) {
      const [answer] = me.enter([id]);
      if (!answer || answer.granted) throw new Error(`${id} was let in`);
      return answer;
    },
    leave(calls: GateReport, ...stays: { id: string; lease: string }[]) {
      me.state = leave(
        me.state,
        stays.map(({ id, lease }) => ({ id, lease, calls })),
        me.now,
      );
    },
    fail(times: number) {
      for (let time = 0; time < times; time++) me.leave("transient", me.in(`failing-${time}`));
    },
    get status() {
      return status(me.state, me.state.limits, me.now);
    },
  };
  return me;
}
