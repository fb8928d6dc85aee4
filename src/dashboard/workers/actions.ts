import { action } from "../action";

const wish = (state: "run" | "quiet" | "stop", label: string, done: string, more: { harms?: true } = {}) =>
  action("POST /v1/workers/:worker/state", { name: `worker-${state}`, scope: "operate", label, done, body: () => ({ state }), ...more });

export const workerActions = {
  run: wish("run", "Go on", "The worker takes jobs again at its next pull."),
  quiet: wish("quiet", "Take nothing new", "The worker finishes the jobs that it holds and takes no new ones."),
  stop: wish("stop", "Stop", "The worker ends after the jobs that it holds.", { harms: true }),
};
