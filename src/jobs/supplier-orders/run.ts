import { draftWrites, shortage } from "../../domain/shop/purchases/shortage";
import { purchaseMail, type PurchaseOrder } from "../../domain/shop/purchases/model";
import { draftsOf } from "../../domain/shop/purchases/queries";
import { approvePurchase, noteMail } from "../../domain/shop/purchases/store";
import type { PayloadOf, Run } from "../../queue/job";
import { discard, done } from "../../queue/outcome";
import { email } from "../email/job";
import type { supplierOrders } from "./job";

type Context = Parameters<Run<typeof supplierOrders>>[1];

const maxUnassigned = 500;

export const runSupplierOrders: Run<typeof supplierOrders> = async ({ siteId }: PayloadOf<typeof supplierOrders>, context) => {
  const opened = await context.shops.open(siteId);
  if (!opened.ok && opened.failure.code === "site") return discard(opened.failure.reason);
  const scope = { ...context.scope, site: siteId };
  const short = await shortage(scope);
  if (context.dryRun) {
    await context.effect("draft", async () => ({ ok: true, value: null }), { wouldDo: null });
    return done({ purchaseOrders: [], unassigned: short.unassigned.slice(0, maxUnassigned) });
  }
  const left = (context.cursor as { unassigned: unknown[] } | undefined) ?? { unassigned: short.unassigned.slice(0, maxUnassigned) };
  await context.checkpoint(left, draftWrites(scope, context.id, short.lines, context.now()));
  const drafts = await draftsOf(scope, context.id);
  const purchaseOrders = [];
  for (const draft of drafts) {
    purchaseOrders.push({ id: draft.id, supplierId: draft.supplier.id, rows: draft.rows.length, mailed: await mailDraft(siteId, draft, context) });
    await context.progress(purchaseOrders.length, drafts.length, "purchase orders");
  }
  return done({ purchaseOrders, ...left });
};

// Only where the supplier's setting allows it; otherwise an operator approves it. The run that approves the draft enqueues its mail, under a key that
// makes a repeat harmless.
async function mailDraft(siteId: string, draft: PurchaseOrder & { automatic: boolean }, context: Context): Promise<boolean> {
  const to = draft.supplier.email;
  if (!draft.automatic || to === null) return false;
  const scope = { ...context.scope, site: siteId };
  const isOurs = draft.state === "draft" ? await approvePurchase(scope, draft.id, context.id, context.now()) : draft.approvedBy === context.id;
  if (!isOurs || draft.mailJobId !== null) return isOurs;
  const job = await context.enqueue(email, { to, ...purchaseMail(draft, siteId) }, { key: `purchase-order-${draft.id}` });
  await noteMail(scope, draft.id, job);
  return true;
}
