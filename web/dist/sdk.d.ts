export * from "./types/sdk/index.js";
export type * from "./types/sdk/types.js";
