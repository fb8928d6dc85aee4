import * as v from "valibot";
import { boundedList, boundedName, boundedText, fieldRule } from "../../bounded";
import { personal } from "../../masking/personal";
import { readEmail } from "./email";
import { readPhone } from "./phone";
import { labels } from "./score";

const kinds = ["lead", "test", "bot"] as const;
export type LeadKind = (typeof kinds)[number];

const text = (max: number) => v.optional(boundedText(max, { min: 1 }));
const secret = (max: number) => v.optional(v.pipe(boundedText(max, { min: 1 }), personal()));
const count = v.optional(v.pipe(v.number("must be a number"), v.minValue(0, "must not be negative"), v.maxValue(1_000_000_000, "is too large")));
const points = v.optional(
  v.pipe(v.number("must be a number"), v.integer("must be whole"), v.minValue(0, "must be 0 to 100"), v.maxValue(100, "must be 0 to 100")),
  0,
);

const contact = v.pipe(
  v.strictObject({
    name: text(200),
    firstName: text(100),
    lastName: text(100),
    email: text(254),
    // The same for all spellings of an address.
    emailKey: text(254),
    // E.164 when `phoneKey` begins with a plus.
    phone: text(64),
    phoneKey: text(64),
    visitorId: text(200),
    sessionId: text(200),
  }),
  fieldRule(
    ["email", "phone", "visitorId"],
    ({ email, phone, visitorId }) => email !== undefined || phone !== undefined || visitorId !== undefined,
    "one of email, phone and visitorId is needed",
  ),
  personal(),
);

// All of it is typed by strangers.
const form = v.strictObject({
  projectName: secret(200),
  location: secret(200),
  team: secret(200),
  domain: secret(260),
  source: secret(100),
  countryCode: secret(64),
  keyword: secret(500),
  message: secret(10_000),
  page: secret(2048),
});

const request = v.strictObject({
  id: text(64),
  // A browser sends what its user types, a server (with the API key) the tenant's data.
  sender: v.optional(v.picklist(["browser", "server"], "must be browser or server")),
  ip: secret(64),
  userAgent: secret(1000),
  referer: secret(2048),
  country: text(8),
  city: secret(200),
  region: text(200),
  timezone: text(64),
});

const engagement = v.strictObject({ duration: count, scroll: count, clicks: count, returnVisits: count, pagesVisited: count });

/** `v.record` would drop fields named `constructor` or `prototype`. */
function isExtra(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= 50 && entries.every(([name, text]) => name.length <= 64 && typeof text === "string" && text.length <= 2000);
}

/** One submission of a form, enriched: the payload of the job `lead`. */
export const submissionSchema = v.strictObject({
  project: boundedName("must be the name of a project"),
  kind: v.optional(v.picklist(kinds, `must be one of ${kinds.join(", ")}`), "lead"),
  // When it was submitted (milliseconds); default: when it was enqueued.
  at: v.optional(
    v.pipe(
      v.number("must be milliseconds"),
      v.integer("must be whole milliseconds"),
      v.minValue(0, "must not be negative"),
      v.maxValue(253_402_300_800_000, "is too late"),
    ),
  ),
  contact,
  form: v.optional(form, {}),
  request: v.optional(request, {}),
  engagement: v.optional(engagement, {}),
  secondsToSubmit: count,
  vpnScore: count,
  score: points,
  label: v.optional(v.picklist(labels, `must be one of ${labels.join(", ")}`), "Cold"),
  suspicion: points,
  reasons: v.optional(boundedList(boundedText(100), 20), []),
  extra: v.optional(v.pipe(v.custom<Record<string, string>>(isExtra, "must be at most 50 texts of 2,000 characters, under names of 64"), personal()), {}),
});

export type Submission = v.InferOutput<typeof submissionSchema>;
export type SubmissionInput = v.InferInput<typeof submissionSchema>;

/** Keys by which a person is recognised, the most reliable first. The IP address counts only where nothing else is known. */
export function identityKeys({ contact: { visitorId, email, emailKey, phone, phoneKey }, request: { ip } }: Submission): string[] {
  // The sender may have omitted the key, or computed its own.
  const mail = (email === undefined ? undefined : readEmail(email)?.key) ?? emailKey ?? email?.toLowerCase();
  const number = phoneKey ?? (phone === undefined ? undefined : readPhone(phone, []).key);
  const keys = [
    ["v", visitorId],
    ["e", mail],
    ["p", number],
  ] as const;
  const present = keys.flatMap(([kind, value]) => (value === undefined ? [] : [`${kind}:${value}`]));
  return present.length > 0 || ip === undefined ? present : [`i:${ip}`];
}
