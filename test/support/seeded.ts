import * as fc from "fast-check";
import { seed } from "./seed";

// Stories and scripts that test a property; `anew.ts` does the same inside the runtime.
fc.configureGlobal({ seed });
