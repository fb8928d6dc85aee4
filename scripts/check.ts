// npm run check: types, lint, format and bindings; no tests.
import { resolve } from "node:path";
import { check } from "./check/steps.ts";

process.exitCode = (await check(resolve(import.meta.dirname, ".."))) > 0 ? 1 : 0;
