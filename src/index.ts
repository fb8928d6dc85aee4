import { app, queueIn } from "./app";
import { dashboard } from "./dashboard";
import type { WorkerEnv } from "./env";
import { foreignReaders } from "./intake/foreign";
import { createIntake } from "./intake/router";
import { tick } from "./intake/tick/tick";
import { backstop } from "./queue/backstop";
import { consume } from "./queue/consume";

export { Gate } from "./tenants/gate";

/** The router is made once per isolate, as the app is. */
const intakes = new WeakMap<WorkerEnv, ReturnType<typeof createIntake>>();

function intake(env: WorkerEnv) {
  const known = intakes.get(env) ?? createIntake(app(env).intake);
  intakes.set(env, known);
  return known;
}

export default {
  fetch: (request, env) => dashboard(request) ?? intake(env)(request),
  queue: (batch, env) => {
    const { engine, intake } = app(env);
    const queue = queueIn(env, batch.queue);
    if (queue === "dead-letters") return backstop(engine, batch.messages, queue);
    return consume(engine, batch.messages, queue, foreignReaders(intake));
  },
  scheduled: async (controller, env) => void (await tick(app(env).tick, controller.scheduledTime)),
} satisfies ExportedHandler<WorkerEnv>;
