const mail = { to: "ann@example.com", subject: "Hello", text: "Hello Ann" };

/** Example bodies by operationId, for operations whose schema alone does not show their use. Tests validate each by its schema. */
export const examples: Readonly<Record<string, unknown>> = {
  enqueueJob: { type: "email", payload: mail },
  enqueueJobs: { jobs: [{ type: "email", payload: mail, idempotencyKey: "order-4711-confirmation" }] },
  sendBulkEmail: { templateId: "welcome", recipients: [{ to: "ann@example.com", variables: { name: "Ann" } }] },
  createReplay: { filter: { type: "email", group: "g1" }, plan: true },
  putSchedule: { type: "email", payload: { to: "ops@acme.example", templateId: "report" }, cron: "0 7 * * 1", timezone: "Europe/Prague" },
  putTenant: { name: "Acme", timezone: "Europe/Prague", settings: { quota: { jobsPerMinute: 600 } } },
  createToken: { name: "shop backend", scopes: ["enqueue", "read"] },
  putConnection: { provider: "resend", apiKey: "re_your_key", from: "Acme <shop@acme.example>", limits: { concurrency: 5, perSecond: 2 } },
  putTemplate: { subject: "Welcome, {{ name }}", html: "<p>Hello {{ name }}</p>" },
  previewTemplate: { variables: { name: "Ann" } },
  putSite: { platform: "prestashop", url: "https://shop.acme.example", key: "YOURKEYOFTHEWEBSERVICE0123456789" },
  createCampaign: { name: "October news", templateId: "news", ratePerMinute: 600 },
  putSuppression: { scope: "bulk", reason: "manual" },
  resolveUncertainEffects: { ids: ["0197c5h2x3m8q4v7z1n6t9wy0b5d8f3g2k"], state: "failed" },
  resolveUncertainEffect: { key: "send", state: "done" },
  postLead: { name: "Ann", email: "ann@example.com", message: "Please call me." },
  postCrmCallback: { crm_lead_id: "4711", lead_id: "lead-1", event_type: "won" },
};
