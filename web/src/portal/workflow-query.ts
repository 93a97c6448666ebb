// The saved workflows: a page of them to list or choose from, and one of them to edit.
import { useState } from "react";
import { type Reading, useRead } from "@/api/client";
import type { SpeechTask } from "@/api/commands/work";
import { graphql } from "@/gql";
import type { WorkflowGraphsQuery, WorkflowsQuery } from "@/gql/graphql";
import { languageName } from "./languages";

export const workflowsDocument = graphql(`
  query Workflows($first: Int!, $after: String, $minPosition: String) {
    workflows(first: $first, after: $after, minPosition: $minPosition) {
      nodes {
        id
        name
        version
        model
        language
        task
        savedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const graphsDocument = graphql(`
  query WorkflowGraphs($after: String, $minPosition: String) {
    workflows(first: 100, after: $after, minPosition: $minPosition) {
      nodes {
        id
        name
        version
        graph
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export type WorkflowRow = WorkflowsQuery["workflows"]["nodes"][number];
export type DrawnWorkflow = WorkflowGraphsQuery["workflows"]["nodes"][number];

/** Reads page after page until one holds the workflow; data of `null` says that none does. */
export function useWorkflow(id: string): Reading<DrawnWorkflow | null> {
  const [after, setAfter] = useState<string>();
  const { data, ...reading } = useRead(graphsDocument, { after: after ?? null });
  const found = data?.workflows.nodes.find((workflow) => workflow.id === id);
  const { hasNextPage, endCursor } = data?.workflows.pageInfo ?? {};
  const next = !found && hasNextPage && endCursor ? endCursor : undefined;
  if (next !== undefined && next !== after) setAfter(next);
  const searching = data === undefined || next !== undefined || reading.loading;
  return { ...reading, data: found ?? (searching ? undefined : null) };
}

export function languageWords(language: string | null | undefined): string {
  return language ? languageName(language) : "Detected";
}

/** The task as commands and graphs write it. */
export function taskOf({ task }: WorkflowRow): SpeechTask {
  return task === "TRANSLATE" ? "translate" : "transcribe";
}
