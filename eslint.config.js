import convex from "@convex-dev/eslint-plugin";
import tseslint from "typescript-eslint";

export default tseslint.config(
  ...tseslint.configs.recommended,
  ...convex.configs.recommended,
  {
    languageOptions: {
      parserOptions: { projectService: true },
    },
  },
);
