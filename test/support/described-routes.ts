import * as v from "valibot";
import type { AnyRoute, RouteAnswer } from "../../src/intake/route";
import { routes } from "../../src/intake/routes";

export interface DescribedRoutes {
  table: AnyRoute[];
  /** Throws for the first answer that its route does not describe. */
  check(): void;
}

/** The table of routes, watched: what the OpenAPI document describes of an answer is the answer's own shape, without a field more. */
export function describedRoutes(watched: readonly AnyRoute[] = routes): DescribedRoutes {
  const found: string[] = [];
  const table = watched.map((route) => ({
    ...route,
    handle: async (call: Parameters<AnyRoute["handle"]>[0]) => {
      const answer = await route.handle(call);
      const issue = undescribed(route, answer);
      if (issue !== undefined) found.push(`${route.method} ${route.path} ${answer.status}: ${issue}`);
      return answer;
    },
  }));
  return {
    table,
    check: () => {
      const [first] = found;
      if (first !== undefined) throw new Error(`The answer is not as described: ${first}`);
    },
  };
}

function undescribed(route: AnyRoute, { status, body, text }: RouteAnswer): string | undefined {
  if (!(status in route.answers)) return "its status is not listed";
  const shape = route.answers[status];
  if (shape === null || typeof shape === "string") return body === undefined ? undefined : "it has a body of JSON";
  if (shape === undefined || text !== undefined) return status === 200 && route.otherMedia ? undefined : "it is text, not JSON";
  if (body === undefined && route.emptyWhen !== undefined) return undefined;
  const sent: unknown = JSON.parse(JSON.stringify(body ?? null));
  const { issues = [], output } = v.safeParse(shape, sent);
  const [issue] = issues;
  if (issue) return `${v.getDotPath(issue) ?? "it"}: ${issue.message}`;
  return differenceOf(sent, output, "");
}

/** The path of the first field that the described shape dropped. */
function differenceOf(sent: unknown, kept: unknown, path: string): string | undefined {
  if (typeof sent !== "object" || sent === null) return undefined;
  for (const [key, value] of Object.entries(sent)) {
    const here = path === "" ? key : `${path}.${key}`;
    if (!Object.hasOwn(kept as object, key)) return `${here} is a field without a description`;
    const inner = differenceOf(value, (kept as Record<string, unknown>)[key], here);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
