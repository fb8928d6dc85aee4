import { createDashboard } from "../dashboard";
import type { WorkerEnv } from "../env";
import { createIntake } from "../intake/router";
import { app } from ".";

/** The router and the pages are made once per isolate, as the app is. */
const made = new WeakMap<WorkerEnv, (request: Request) => Promise<Response>>();

/** Answers a request: a page of the operators', or the public interface. */
export function answer(env: WorkerEnv, request: Request): Promise<Response> {
  const known = made.get(env) ?? create(env);
  made.set(env, known);
  return known(request);
}

function create(env: WorkerEnv): (request: Request) => Promise<Response> {
  const { intake, pages } = app(env);
  const api = createIntake(intake);
  const dashboard = createDashboard({ ...pages, answer: api });
  // The interface has most requests: they are not compared with the addresses of pages.
  return (request) => (/^[a-z]+:\/\/[^/]*\/v1\//.test(request.url) ? undefined : dashboard(request)) ?? api(request);
}
