// node scripts/sandbox/main.ts: plays the outside world alone, on SANDBOX_PORT (8788) and SANDBOX_SMTP_PORT (any free one), with the dice of SANDBOX_SEED (1). Ctrl-C ends it.
import { startSandbox } from "./server.ts";

const port = Number(process.env["SANDBOX_PORT"] ?? 8788);
const seed = Number(process.env["SANDBOX_SEED"] ?? 1);

try {
  const sandbox = await startSandbox({ port, smtpPort: Number(process.env["SANDBOX_SMTP_PORT"] ?? 0), seed });
  console.log(`The sandbox is at ${sandbox.url} (mail API: ${sandbox.url}/mail, SMTP: 127.0.0.1:${sandbox.smtpPort}), seed ${seed}.`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void sandbox.close());
} catch (cause) {
  const busy = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
  console.error(busy ? `Port ${port} is in use. Set SANDBOX_PORT to a free one.` : cause);
  process.exitCode = 1;
}
