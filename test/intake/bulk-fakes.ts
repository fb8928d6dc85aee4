import { canonical } from "../../src/json/canonical";
import type { BulkActions, BulkView } from "../../src/domain/bulk-actions/model";

/** Bulk actions that do nothing and go on until they are stopped. */
export function bulkActionsOn(now: number): BulkActions {
  const made = new Map<string, BulkView>();
  const requests = new Map<string, string>();
  return {
    plan: async (_tenant, { ids }) => ({ total: ids?.length ?? 7, byType: { note: 7 }, more: false }),
    create: async (tenant, request, id = "made-here") => {
      const { action } = request;
      const view: BulkView = { id, action, state: "running", total: 7, done: 2, failed: 0, at: now, endedAt: null };
      made.set(`${tenant}/${id}`, view);
      requests.set(`${tenant}/${id}`, canonical(request));
      return view;
    },
    earlier: async (tenant, id, request) => {
      const view = made.get(`${tenant}/${id}`);
      return view ? { view, isSame: requests.get(`${tenant}/${id}`) === canonical(request) } : null;
    },
    get: async (tenant, id) => made.get(`${tenant}/${id}`) ?? null,
    list: async (tenant) => [...made].filter(([key]) => key.startsWith(`${tenant}/`)).map(([, view]) => view),
    abort: async (tenant, id) => {
      const view = made.get(`${tenant}/${id}`);
      if (!view) return null;
      const action: BulkView = { ...view, state: "stopped", endedAt: now };
      made.set(`${tenant}/${id}`, action);
      return { action, changed: view.state === "running" };
    },
  };
}
