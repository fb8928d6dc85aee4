import { action } from "../action";

export const tenantActions = {
  revokeToken: action("DELETE /v1/tenants/:tenant/tokens/:id", {
    name: "revoke-token",
    scope: "admin",
    label: "Revoke",
    done: "The token is refused everywhere within 60 seconds.",
    harms: true,
  }),
};
