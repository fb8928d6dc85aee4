// Used by npm run bench: BullMQ over a Redis of its own (AOF, written every second), in a process of its own.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { findProgram, parts } from "../check/programs.ts";
import { freePort } from "../start/ports.ts";
import type { Answer, Order } from "./bull-peer.ts";
import type { Workbench } from "./worker.ts";

export interface Bull {
  ask(order: Order): Promise<number | number[]>;
}

/** Where redis-server is; null where the machine has none. */
export function findRedis(): string | null {
  const part = parts.find(({ program }) => program === "redis-server");
  return part ? findProgram(part, process.env) : null;
}

/** Starts both; a sentence where they cannot be. */
export async function startBull(bench: Workbench): Promise<Bull | string> {
  const program = findRedis();
  if (program === null) return "redis-server is not installed";
  const port = await freePort();
  const dir = join(bench.folder, "redis");
  mkdirSync(dir);
  const settings = { port, bind: "127.0.0.1", dir, save: "", appendonly: "yes", appendfsync: "everysec", "maxmemory-policy": "noeviction" };
  const redis = spawn(
    program,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: "ignore" },
  );
  bench.atEnd(() => ended(redis));
  await listens(port);
  const peer = fork(join(import.meta.dirname, "bull-peer.ts"), { env: { ...process.env, BULL_REDIS_PORT: String(port) }, execArgv: ["--no-warnings"] });
  bench.atEnd(() => ended(peer));
  return { ask: (order) => ask(peer, order) };
}

let lastId = 0;

function ask(peer: ChildProcess, order: Order): Promise<number | number[]> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const lost = () => reject(new Error("the process of BullMQ ended"));
    const onAnswer = (answer: Answer) => {
      if (answer.id !== id) return;
      peer.off("message", onAnswer).off("exit", lost);
      if ("error" in answer) reject(new Error(answer.error));
      else resolve(answer.value);
    };
    peer.on("message", onAnswer).once("exit", lost);
    peer.send({ ...order, id });
  });
}

async function listens(port: number): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const socket = connect(port, "127.0.0.1");
    const open = await new Promise<boolean>((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    socket.destroy();
    if (open) return;
    await passing(50);
  }
  throw new Error("redis-server does not listen");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await over;
}
