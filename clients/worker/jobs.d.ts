/** Types of the remote jobs in the registry. Written by `npm run worker-types`; do not edit. */
export interface RemoteJobs {
  "remote-demo": { payload: { [name: string]: unknown }; result: unknown };
}
