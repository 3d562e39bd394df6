/**
 * The list of nouns. The tables of each become part of the schema.
 *
 * @module
 */
export * from "./blobs";
export * from "./cache";
export * from "./channels";
export * from "./checkpoints";
export * from "./counts";
export * from "./datasets";
export * from "./documents";
export * from "./evals";
export * from "./experiments";
export * from "./harness";
export * from "./items";
export * from "./messages";
export * from "./notifications";
export * from "./observations";
export * from "./resources";
export * from "./schedules";
export * from "./scores";
export * from "./spans";
export * from "./tasks";
export * from "./threadState";
export * from "./threads";
export * from "./vectors";
export * from "./workflows";
