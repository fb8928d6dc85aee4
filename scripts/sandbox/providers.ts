import { cloudflare } from "./cloudflare.ts";
import { crm } from "./crm.ts";
import { mail } from "./mail.ts";
import { make } from "./make.ts";
import { models } from "./models.ts";
import type { Provider } from "./provider.ts";
import { postmark } from "./postmark.ts";
import { shop } from "./shop/shop.ts";
import { slack } from "./slack.ts";

/** Every outside system the sandbox plays, one line each. */
export const providers: readonly Provider[] = [mail, postmark, cloudflare, make, slack, crm, models, shop];
