import { mail } from "./mail.ts";
import type { Provider } from "./provider.ts";

/** Every outside system the sandbox plays, one line each. */
export const providers: readonly Provider[] = [mail];
