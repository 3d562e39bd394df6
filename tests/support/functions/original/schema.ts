// The tables of npm `@mastra/convex`, and two native vector tables.
import * as tables from "@mastra/convex/server";
import { defineSchema } from "convex/server";
import { notesTable } from "../native/notes";

export default defineSchema({
  mastra_threads: tables.mastraThreadsTable,
  mastra_messages: tables.mastraMessagesTable,
  mastra_resources: tables.mastraResourcesTable,
  mastra_workflow_snapshots: tables.mastraWorkflowSnapshotsTable,
  mastra_scorers: tables.mastraScoresTable,
  mastra_schedules: tables.mastraSchedulesTable,
  mastra_schedule_triggers: tables.mastraScheduleTriggersTable,
  mastra_channel_installations: tables.mastraChannelInstallationsTable,
  mastra_channel_config: tables.mastraChannelConfigTable,
  mastra_background_tasks: tables.mastraBackgroundTasksTable,
  mastra_observational_memory: tables.mastraObservationalMemoryTable,
  mastra_vector_indexes: tables.mastraVectorIndexesTable,
  mastra_vectors: tables.mastraVectorsTable,
  mastra_cache: tables.mastraCacheTable,
  mastra_cache_list_items: tables.mastraCacheListItemsTable,
  mastra_documents: tables.mastraDocumentsTable,
  docs_vectors: tables.defineMastraNativeVectorTable({ dimensions: 3 }),
  notes: notesTable,
});
