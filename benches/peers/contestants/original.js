// The original: npm @mastra/convex's own `ConvexVector` under Node. Reading rows from a deployment is
// replaced by rows in memory or, for pages, by replies of the same bytes. The protocol is in `__main__.py`.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Reads the numbers of a file, float32 as they lie in memory, as lists. */
function matrix(path, dimension) {
  const { buffer, byteOffset, length } = readFileSync(path);
  const numbers = new Float32Array(buffer, byteOffset, length / 4);
  return Array.from({ length: numbers.length / dimension }, (_, row) =>
    Array.from(numbers.subarray(row * dimension, (row + 1) * dimension)),
  );
}

/** `ask` answers the query of a number; `answer` reads its result as rows and scores. */
function ranking(vectors, task) {
  const queries = matrix(`${task.folder}/queries`, task.dimension);
  const ask = (number) =>
    vectors.query({
      indexName: "docs",
      queryVector: queries[number],
      topK: task.top_k,
    });
  const answer = (hits) => [
    [hits.map(({ id }) => Number(id)), hits.map(({ score }) => score)],
  ];
  return { ask, answer };
}

function scan(vectors, task) {
  const rows = matrix(`${task.folder}/vectors`, task.dimension).map(
    (embedding, id) => ({ id: String(id), embedding, metadata: {} }),
  );
  vectors.queryAllVectors = async () => rows;
  return ranking(vectors, task);
}

function pages(vectors, task) {
  const replies = Array.from({ length: task.pages }, (_, number) =>
    readFileSync(`${task.folder}/page ${number}`),
  );
  let next = 0;
  globalThis.fetch = async () =>
    new Response(replies[next++ % replies.length], { status: 200 });
  return ranking(vectors, task);
}

function filter(vectors, task) {
  const rows = JSON.parse(readFileSync(`${task.folder}/metadata`, "utf8"));
  const ask = (number) => {
    const filter = task.filters[number];
    return rows.filter((metadata) => vectors.matchesFilter(metadata, filter));
  };
  return { ask, answer: (found) => [[found.map(({ n }) => n), null]] };
}

/** The processor's time, those threads included that collect garbage. */
function clock() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function turn(ask, queries, seconds) {
  const times = [];
  const end = clock() + seconds;
  for (let call = 0; call < 4 || clock() < end; call++) {
    const start = clock();
    await ask(call % queries);
    times.push(clock() - start);
  }
  return times;
}

const reply = (value) => console.log(JSON.stringify(value));
let asked;
let task;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (!task) {
    task = request;
    const original = await import("@mastra/convex").catch((error) => error);
    if (!original.ConvexVector) {
      reply({ missing: original.message });
      break;
    }
    const vectors = new original.ConvexVector({
      id: "original",
      deploymentUrl: "http://127.0.0.1",
      adminAuthToken: "none",
    });
    asked = { scan, pages, filter }[task.kind](vectors, task);
    reply({});
  } else if ("turn" in request) {
    reply({ times: await turn(asked.ask, task.queries, request.turn) });
  } else {
    reply({ answers: asked.answer(await asked.ask(request.number)) });
  }
}
