// @ts-check
import { parentPort, workerData } from "node:worker_threads";
import { Refused } from "./call.js";
import { Heartbeat } from "./heartbeat.js";

// A thread of its own: a handler that blocks the event loop of its process keeps its leases.

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const { to, worker } = workerData;

const heartbeat = new Heartbeat({ ...to, fetch }, worker, {
  answered: (key, result, sentAt) => port.postMessage({ say: "answered", key, result, sentAt }),
  unanswered: (key, isRefused) => port.postMessage({ say: "unanswered", key, isRefused }),
  state: (state) => port.postMessage({ say: "state", state }),
  // An error's class does not survive the way between threads.
  error: (error) =>
    port.postMessage(error instanceof Refused ? { say: "refused", status: error.status, body: error.body } : { say: "error", message: String(error) }),
});

port.on("message", (message) => {
  if (message.tell === "add") heartbeat.add(message.lease);
  if (message.tell === "remove") heartbeat.remove(message.key);
  if (message.tell === "note") heartbeat.note(message.key, message.news);
  if (message.tell === "now") void heartbeat.now(message.key, message.news).then(() => port.postMessage({ say: "sent", ticket: message.ticket }));
});
