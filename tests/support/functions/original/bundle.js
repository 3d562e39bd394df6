// The modules of this folder with what they import from npm, all but `convex/*`: to the folder that is named.
import { build } from "vite";

const modules = [
  "schema",
  "mastra/storage",
  "mastra/cache",
  "mastra/nativeVector",
];
const [outDir] = process.argv.slice(2);

await build({
  configFile: false,
  logLevel: "warn",
  root: import.meta.dirname,
  build: {
    outDir,
    emptyOutDir: true,
    minify: false,
    lib: {
      formats: ["es"],
      entry: Object.fromEntries(
        modules.map((module) => [
          module,
          `${import.meta.dirname}/${module}.ts`,
        ]),
      ),
    },
    rolldownOptions: { external: [/^convex\//] },
  },
});
