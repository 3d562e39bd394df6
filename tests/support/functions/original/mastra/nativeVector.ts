export {
  mastraNativeVectorAction as query,
  mastraNativeVectorQuery as read,
  mastraNativeVectorMutation as write,
} from "@mastra/convex/server";
