/**
 * Where these functions are: in an app, or in a component of their own.
 *
 * @module
 */

/** Whether they are a component. `mastra-convex init --component` writes true. */
export const isComponent: boolean = false;
