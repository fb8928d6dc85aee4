import * as v from "valibot";
import { jsonObject } from "../../bounded";
import { defineJob } from "../../queue/job";

/** For trying remote workers: the payload is any object, and the worker decides what to do with it. */
export const remoteDemo = defineJob({
  type: "remote-demo",
  queue: "events",
  remote: true,
  lease: 60,
  heartbeat: 20,
  startWithin: 30,
  policy: { concurrency: 100 },
  payload: jsonObject(),
  result: v.unknown(),
});
