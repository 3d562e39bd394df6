import type { AuthConfig } from "convex/server";

// Yours to fill in: whose tokens to believe, for instance
// { domain: "https://your-app.example", applicationID: "convex" }.
// https://docs.convex.dev/auth
export default { providers: [] } satisfies AuthConfig;
