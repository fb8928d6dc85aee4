// npx node test/fake-cloudflare/main.ts: a fake of Cloudflare's API on a free port, with an empty account, to try npm run deploy without one. Ctrl-C ends it.
import { accountId, apiToken, startFakeCloudflare } from "./server.ts";

const { url, unknown, close } = await startFakeCloudflare();
console.log(`An empty account. In another shell:

  export CLOUDFLARE_API_BASE_URL=${url} CLOUDFLARE_API_TOKEN=${apiToken} CLOUDFLARE_ACCOUNT_ID=${accountId}
  npm run deploy -- --plan
`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const call of unknown) console.error(`unknown: ${call}`);
    void close().then(() => process.exit(0));
  });
}
