import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["convex/**/*.test.ts"],
    // convex-test is bundled with the tests so that both see one `convex`.
    server: { deps: { inline: ["convex-test"] } },
  },
});
