import { graphql } from "@/gql";
import type { JobQuery } from "@/gql/graphql";
import type { JobView } from "./job-feed";

export const jobDocument = graphql(`
  query Job($id: ID!, $minPosition: String) {
    job(id: $id, minPosition: $minPosition) {
      id
      status
      stage
      percent
      model
      language
      attempts
      createdAt
      startedAt
      finishedAt
      lastSequence
      failure {
        code
        message
      }
      recording {
        id
        name
        bytes
        durationMs
      }
      transcript {
        language
        durationMs
        text
        segments {
          index
          startMs
          endMs
          text
        }
      }
    }
  }
`);

export const jobUpdatesDocument = graphql(`
  subscription JobUpdates($jobId: ID!, $afterSequence: Int) {
    jobUpdates(jobId: $jobId, afterSequence: $afterSequence) {
      jobId
      sequence
      kind
      status
      stage
      percent
      segments {
        index
        startMs
        endMs
        text
      }
      failure {
        code
        message
      }
      at
    }
  }
`);

export type Job = NonNullable<JobQuery["job"]>;

/** The state that a read job shows, up to its latest update. */
export function viewOf(job: Job): JobView {
  return {
    sequence: job.lastSequence,
    status: job.status,
    stage: job.stage ?? null,
    percent: job.percent,
    segments: job.transcript?.segments ?? [],
    failure: job.failure ?? null,
  };
}
