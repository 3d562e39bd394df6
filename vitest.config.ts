import ts from "typescript";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [frozenModules()],
  test: {
    // A slow machine takes its time; a test that hangs still fails.
    testTimeout: 30_000,
    setupFiles: ["tests/support/state/setup.ts"],
    // convex-test is bundled with the tests so that both see one `convex`.
    server: { deps: { inline: ["convex-test"] } },
    projects: [
      {
        extends: true,
        test: { name: "app", include: ["convex/**/*.test.ts"] },
      },
      {
        extends: true,
        plugins: [componentModules()],
        test: {
          name: "component",
          setupFiles: ["tests/support/state/component.ts"],
          include: ["convex/**/*.test.ts", "docs/examples/**/*.test.ts"],
          // What it tests doesn't depend on where the functions are.
          exclude: ["**/stateless.test.ts", "**/schema.test.ts"],
        },
      },
    ],
  },
});

/** The functions as `mastra-convex init --component` writes them. */
function componentModules() {
  return {
    name: "component-modules",
    transform(code: string, id: string) {
      if (!id.endsWith("/convex/mastra/model/component.ts")) return null;
      return code.replace("isComponent = false", "isComponent = true");
    },
  };
}

/** Each module of the functions freezes what it holds, exported or not, once it is loaded. */
function frozenModules() {
  const freeze = new URL("./tests/support/state/frozen.ts", import.meta.url)
    .pathname;
  return {
    name: "frozen-modules",
    enforce: "pre" as const,
    transform(code: string, id: string) {
      if (!/\/convex\/(?!.*\.(test|setup)\.ts$).*\.ts$/.test(id)) return null;
      if (id.includes("/node_modules/")) return null;
      return `${code}
import { freeze as $freeze } from ${JSON.stringify(freeze)};
$freeze(${namesHeld(code).join(", ")});`;
    },
  };
}

/** The names of the values that a module declares. */
function namesHeld(code: string): string[] {
  const source = ts.createSourceFile("m.ts", code, ts.ScriptTarget.ESNext);
  return source.statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap(({ name }) =>
        namesIn(name),
      );
    }
    const isNamed =
      ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
    return isNamed && statement.name ? [statement.name.text] : [];
  });
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) =>
    ts.isBindingElement(element) ? namesIn(element.name) : [],
  );
}
