// The deployment under test, which the command line names.
const [deploymentUrl, adminAuthToken] = process.argv.slice(2);

/** The options of every class of `@mastra/convex`. */
export const deployment = { id: "test", deploymentUrl, adminAuthToken };

/** A record as its caller wrote it: upstream hands Convex's own fields on. */
export function ofCaller({ _id, _creationTime, ...record }) {
  return record;
}

/** Milliseconds after a fixed instant, as a date. */
export const at = (ms) => new Date(Date.UTC(2026, 0, 1) + ms);
