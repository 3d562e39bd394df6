import type { AuthConfig } from "convex/server";

// The providers whose tokens are accepted. Edit this file, for instance:
// { domain: "https://your-app.example", applicationID: "convex" }.
// https://docs.convex.dev/auth
export default { providers: [] } satisfies AuthConfig;
