import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["benches/convex_test_server.ts"],
    server: { deps: { inline: ["convex-test"] } },
    testTimeout: 0,
  },
});
