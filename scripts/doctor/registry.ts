import { type Finding, finding } from "../deploy/finding.ts";
import { production } from "../deploy/options.ts";
import type { Product } from "../deploy/product.ts";
import type { Wanted } from "../deploy/wanted.ts";

/** What the tick's step-by-step work hangs on. */
const tickCron = "* * * * *";
const gates = "GATE";

/** In what the job registry and the configuration do not agree. */
export function registryFindings({ contracts, queues }: Product, wanted: Wanted): Finding[] {
  const { configuration, crons, env } = wanted;
  const named = (queue: string) => (env === production ? queue : `${queue}-${env}`);
  const travelled = new Set(contracts.flatMap(({ queues: names }) => names));
  const unknown = [...travelled].filter((queue) => !(queue in queues));
  const objects = configuration.durable_objects?.bindings ?? [];
  return [
    ...unknown.map((queue) => finding("queue-missing", queue, `A type of job travels on "${queue}", which src/jobs/queues.ts does not list.`)),
    ...Object.entries(queues).flatMap(([queue, settings]) => queueFindings(named(queue), settings, wanted)),
    ...(crons.includes(tickCron)
      ? []
      : [finding("cron-missing", tickCron, `The configuration has no cron "${tickCron}": nothing would be released, swept or scheduled.`)]),
    ...(objects.some(({ name }) => name === gates)
      ? []
      : [finding("binding-missing", gates, `The configuration has no Durable Object binding ${gates}: no job that calls out could run.`)]),
  ];
}

function queueFindings(queue: string, { binding, batchSize, batchTimeout }: Product["queues"][string], { configuration: { queues } }: Wanted): Finding[] {
  const producer = queues.producers.find((each) => each.queue === queue);
  const consumer = queues.consumers.find((each) => each.queue === queue);
  const fits = consumer?.max_batch_size === batchSize && consumer.max_batch_timeout === batchTimeout;
  return [
    ...(producer?.binding === binding ? [] : [finding("binding-missing", binding, `The configuration does not bind "${queue}" as ${binding}.`)]),
    ...(consumer ? [] : [finding("consumer-missing", queue, `The configuration has no consumer for "${queue}".`)]),
    ...(consumer && !fits
      ? [
          finding(
            "queue-setting",
            queue,
            `The configuration's batches of "${queue}" are not those of src/jobs/queues.ts: ${batchSize} messages, ${batchTimeout} s.`,
          ),
        ]
      : []),
  ];
}
