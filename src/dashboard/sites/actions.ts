import { action } from "../action";

type Tested = { ok: true; version: string | null; warnings: string[] } | { ok: false; reason: string };

const sync = (type: "sync-orders" | "sync-products", label: string) =>
  action("POST /v1/jobs", {
    name: `${type}-now`,
    scope: "enqueue",
    label,
    done: "The sync is enqueued.",
    body: ({ site }) => ({ type, payload: { siteId: site } }),
    leadsTo: (_fields, answer) => `/jobs/${(answer as { id: string }).id}`,
  });

export const siteActions = {
  test: action("POST /v1/sites/:site/test", {
    name: "test-site",
    scope: "operate",
    label: "Test the site",
    done: (_fields, answer) => testedText(answer as Tested),
  }),
  syncOrders: sync("sync-orders", "Sync orders now"),
  syncProducts: sync("sync-products", "Sync products now"),
  approvePurchase: action("POST /v1/sites/:site/purchase-orders/:order/approve", {
    name: "approve-purchase-order",
    scope: "operate",
    label: "Approve",
    done: "The purchase order is approved and mailed to its supplier.",
  }),
  cancelPurchase: action("POST /v1/sites/:site/purchase-orders/:order/cancel", {
    name: "cancel-purchase-order",
    scope: "operate",
    label: "Cancel",
    done: "The purchase order is cancelled.",
    harms: true,
  }),
};

function testedText(tested: Tested): string {
  if (!tested.ok) return `The shop does not work: ${tested.reason}`;
  return `The shop answers${tested.version === null ? "" : `, version ${tested.version}`}. ${tested.warnings.join(" ")}`.trim();
}
