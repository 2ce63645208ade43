import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["build/", "src/protocol.ts"] },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    rules: {
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "What a broker sent is set as text." },
        { property: "outerHTML", message: "What a broker sent is set as text." },
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "What a broker sent is set as text.",
        },
        {
          selector: "JSXAttribute[name.name='href']",
          message: "A link could lead to what a broker sent.",
        },
      ],
    },
  },
);
