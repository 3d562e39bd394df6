/** Tests of the functions in a component: Convex refuses `.paginate()` there. */
import { convexTest } from "convex-test";

type Syscalls = { asyncSyscall: (op: string, args: string) => Promise<string> };
const global = globalThis as unknown as { Convex: Syscalls };

// The first call makes the object through which functions reach the database.
convexTest({ modules: { "./_generated/api.ts": async () => ({}) } });
global.Convex = new Proxy(global.Convex, {
  get: (target, name: keyof Syscalls) =>
    name !== "asyncSyscall"
      ? target[name]
      : async (op: string, args: string) => {
          if (op !== "1.0/queryPage") return target.asyncSyscall(op, args);
          throw new Error("paginate() is only supported in the app.");
        },
});
