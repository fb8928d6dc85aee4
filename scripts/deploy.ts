// npm run deploy [-- --env NAME --host NAME --secrets-file FILE --plan --json …]: makes what the Worker stands on, migrates, uploads, checks. --help lists the options; docs/deploy.md explains them.
import { here, main } from "./deploy/main.ts";

process.exitCode = await main("deploy", process.argv.slice(2), here(process.env));
