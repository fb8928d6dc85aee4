import { mail } from "./mail.ts";
import type { Provider } from "./provider.ts";
import { shop } from "./shop/shop.ts";

/** Every outside system the sandbox plays, one line each. */
export const providers: readonly Provider[] = [mail, shop];
