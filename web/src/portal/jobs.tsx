import { Link } from "@tanstack/react-router";
import { AudioLines, Plus } from "lucide-react";
import { useRead } from "@/api/client";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Empty, Loaded } from "@/components/states";
import { JobBadge } from "@/components/status";
import { type Column, Table } from "@/components/table";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { graphql } from "@/gql";
import type { JobsQuery } from "@/gql/graphql";
import { formatDateTime, formatLength } from "@/lib/format";
import { usePages } from "@/lib/use-pages";
import { useRepeat } from "@/lib/use-repeat";
import { isFinal } from "./job-feed";

/** How often the list is read again while something in it is at work. */
const LOOK_AGAIN_MS = 2_000;

const document = graphql(`
  query Jobs($after: String, $minPosition: String) {
    jobs(first: 20, after: $after, minPosition: $minPosition) {
      nodes {
        id
        status
        percent
        model
        createdAt
        recording {
          name
          durationMs
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Row = JobsQuery["jobs"]["nodes"][number];

const columns: Column<Row>[] = [
  {
    label: "Recording",
    lead: true,
    cell: (row) => (
      <Link
        to="/portal/jobs/$id"
        params={{ id: row.id }}
        className="font-medium text-accent-text underline-offset-4 hover:underline"
      >
        {row.recording.name}
      </Link>
    ),
  },
  {
    label: "Status",
    cell: (row) => (
      <span className="inline-flex items-center gap-2">
        <JobBadge status={row.status} />
        {row.status === "RUNNING" && <span className="text-muted">{row.percent} %</span>}
      </span>
    ),
  },
  { label: "Length", align: "right", cell: (row) => formatLength(row.recording.durationMs) },
  { label: "Model", cell: (row) => row.model },
  { label: "Asked for", cell: (row) => formatDateTime(row.createdAt) },
];

export function JobsPage() {
  const pages = usePages("");
  const reading = useRead(document, { after: pages.after ?? null });
  const running = reading.data?.jobs.nodes.some((job) => !isFinal(job.status)) ?? false;
  useRepeat(running, LOOK_AGAIN_MS, reading.retry);
  const create = (
    <Button asChild>
      <Link to="/portal/new">
        <Plus aria-hidden /> New transcription
      </Link>
    </Button>
  );
  return (
    <Page
      title="Transcriptions"
      description="Your recordings as text, newest first."
      action={create}
    >
      <Card className="overflow-hidden">
        <Loaded reading={reading} label="Loading transcriptions">
          {({ jobs }) =>
            jobs.nodes.length === 0 ? (
              <Empty icon={AudioLines} title="No transcriptions yet" action={create}>
                Upload a recording, or try one that comes with the demo.
              </Empty>
            ) : (
              <>
                <Table
                  caption="Transcriptions"
                  columns={columns}
                  rows={jobs.nodes}
                  keyOf={(row) => row.id}
                />
                <Pager pages={pages} info={jobs.pageInfo} label="transcriptions" />
              </>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
