import { action, textField } from "../action";
import type { Access, Heartbeat } from "../answers";
import { rolesFrom } from "./roles";

export const systemActions = {
  putHeartbeat: action("PUT /v1/heartbeat", {
    name: "put-heartbeat",
    scope: "root",
    label: "Save",
    done: (_fields, answer) => `Each tick without a failing step calls ${(answer as Heartbeat).host}.`,
    body: (fields) => ({ url: textField(fields, "url") ?? "" }),
  }),
  removeHeartbeat: action("DELETE /v1/heartbeat", {
    name: "delete-heartbeat",
    scope: "root",
    label: "Remove",
    done: "No address is called any more.",
    harms: true,
  }),
  putAccess: action("PUT /v1/access", {
    name: "put-access",
    scope: "root",
    label: "Save",
    done: (_fields, answer) => `Cloudflare Access of ${(answer as Access).teamDomain} lets people in, within 60 seconds.`,
    body: (fields) => ({
      teamDomain: textField(fields, "teamDomain") ?? "",
      audience: textField(fields, "audience") ?? "",
      roles: rolesFrom(fields["roles"] ?? ""),
    }),
  }),
  removeAccess: action("DELETE /v1/access", {
    name: "delete-access",
    scope: "root",
    label: "Switch off",
    done: "Only tokens open the pages now, within 60 seconds.",
    harms: true,
  }),
};
