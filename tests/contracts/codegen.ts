import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "clients/operations.graphql",
  emitLegacyCommonJSImports: false,
  generates: {
    ".generated/graph/": {
      preset: "client",
      config: {
        documentMode: "string",
        strictScalars: true,
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { DateTime: "string", Date: "string", Decimal: "string", FigureValue: "string", JSON: "unknown", Long: "number" },
      },
    },
  },
};

export default config;
