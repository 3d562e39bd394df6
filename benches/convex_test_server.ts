/**
 * The same functions behind Convex's HTTP API, run by convex-test in Node: what
 * `mastra-convex serve` is compared with. It runs within vitest, which loads the
 * TypeScript, on the port in `PORT`, until a request for `/stop`.
 *
 * @module
 */
import { createServer, type IncomingMessage } from "node:http";
import { makeFunctionReference } from "convex/server";
import { test } from "vitest";
import { deployment } from "../convex/test.setup";

async function read(request: IncomingMessage): Promise<any> {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

test("serves until told to stop", async () => {
  const db = deployment();
  await new Promise<void>((stop) => {
    const server = createServer((request, response) => {
      if (request.url === "/stop") {
        response.end();
        server.close(() => stop());
        server.closeAllConnections();
        return;
      }
      void (async () => {
        const { path, args } = await read(request);
        const reference = makeFunctionReference<"mutation">(path);
        const value = await db.mutation(reference, [args].flat()[0]);
        response.setHeader("Content-Type", "application/json");
        response.end(JSON.stringify({ status: "success", value }));
      })();
    });
    server.listen(Number(process.env.PORT), "127.0.0.1");
  });
});
