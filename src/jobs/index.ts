import { job } from "../queue/job";
import { analytics } from "./analytics/job";
import { storeAnalytics } from "./analytics/run";
import { email } from "./email/job";
import { sendEmail } from "./email/run";

/** Every job there is, one line each. */
export const jobs = [job(email, sendEmail), job(analytics, storeAnalytics)] as const;
