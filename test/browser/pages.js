export { createDashboard } from "../../src/dashboard/index.ts";
