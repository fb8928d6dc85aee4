// npm run doctor [-- --env NAME --json]: compares job registry, wrangler.toml and the account, changes nothing. Exit 1 when they differ. --help lists the options.
import { here, main } from "./deploy/main.ts";

process.exitCode = await main("doctor", process.argv.slice(2), here(process.env));
