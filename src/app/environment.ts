import type { WorkerEnv } from "../env";

/** A queue's name as code and ledger have it: the queues of a deployment environment end with `-ENVIRONMENT`, since an account has each name once. */
export function queueIn(env: Pick<WorkerEnv, "ENVIRONMENT">, name: string): string {
  const suffix = `-${env.ENVIRONMENT}`;
  return env.ENVIRONMENT && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

/** The namespace of the gates, in the jurisdiction of the other storage. */
export function gateNamespace(env: Pick<WorkerEnv, "GATE" | "JURISDICTION">): WorkerEnv["GATE"] {
  return env.JURISDICTION ? env.GATE.jurisdiction(env.JURISDICTION) : env.GATE;
}
