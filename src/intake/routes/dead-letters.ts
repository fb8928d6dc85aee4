import * as v from "valibot";
import { deadLetterCursor, fromBeforeTo, paging } from "../query";
import { notFound } from "../problem";
import { param, route } from "../route";
import { letterEntries, refuseForeignParent } from "../selection";
import { deadLettersShape, groupsShape } from "../shapes";
import { deadLetterOf, groupOf } from "../views";

const listQuery = v.pipe(v.strictObject({ ...letterEntries, cursor: deadLetterCursor, ...paging }), fromBeforeTo());

export const deadLetterRoutes = [
  route("GET /v1/dead-letters", {
    name: "listDeadLetters",
    summary: "List jobs that failed for good",
    description:
      "With `parent` the list has the order of its children: the one accepted last first. `from` and `to` are times of accepting, here as in `GET /v1/jobs` and in the filters of `POST /v1/replays` and `POST /v1/dead-letters/dismiss`.",
    scope: "read",
    query: listQuery,
    answers: { 200: deadLettersShape },
    handle: async ({ deps, tenant, query }) => {
      const { cursor, limit, ...filter } = query;
      await refuseForeignParent(deps, tenant, filter.parent, "parent");
      const page = await deps.queries.deadLetters(tenant, filter, { cursor, limit });
      return { status: 200, body: { deadLetters: page.deadLetters.map(deadLetterOf), cursor: page.cursor } };
    },
  }),
  route("GET /v1/dead-letters/groups", {
    name: "listDeadLetterGroups",
    summary: "Dead letters grouped by cause",
    scope: "read",
    answers: { 200: groupsShape },
    handle: async ({ deps, tenant }) => ({ status: 200, body: { groups: (await deps.queries.groups(tenant)).map(groupOf) } }),
  }),
  route("DELETE /v1/dead-letters/:id", {
    name: "dismissDeadLetter",
    summary: "Take a dead letter off the list; its job stays readable",
    scope: "operate",
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => {
      const id = param({ params }, "id");
      if (!(await deps.ids.belongs(tenant, id)) || !(await deps.operate.dismiss(tenant, id))) throw notFound("dead letter");
      return { status: 204 };
    },
  }),
];
