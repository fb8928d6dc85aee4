import { app, queueIn } from "./app";
import { answer } from "./app/answer";
import type { WorkerEnv } from "./env";
import { foreignReaders } from "./intake/foreign";
import { tick } from "./intake/tick/tick";
import { backstop } from "./queue/backstop";
import { consume } from "./queue/consume";

export { Gate } from "./tenants/gate";

export default {
  fetch: (request, env) => answer(env, request),
  queue: (batch, env) => {
    const { engine, intake } = app(env);
    const queue = queueIn(env, batch.queue);
    if (queue === "dead-letters") return backstop(engine, batch.messages, queue);
    return consume(engine, batch.messages, queue, foreignReaders(intake));
  },
  scheduled: async (controller, env) => void (await tick(app(env).tick, controller.scheduledTime)),
} satisfies ExportedHandler<WorkerEnv>;
