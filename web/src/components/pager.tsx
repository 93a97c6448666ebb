import { ChevronLeft, ChevronRight } from "lucide-react";
import type { Pages } from "@/lib/use-pages";
import { Button } from "./ui/button";

interface PagerProps {
  pages: Pages;
  info: { hasNextPage: boolean; endCursor?: string | null };
  /** What is paged, for the accessible name. */
  label: string;
}

/** Shown only when there is more than one page. */
export function Pager({ pages, info, label }: PagerProps) {
  if (pages.page === 1 && !info.hasNextPage) return null;
  return (
    <nav
      aria-label={`Pages of ${label}`}
      className="flex items-center justify-between gap-3 border-line border-t px-5 py-3"
    >
      <Button
        variant="secondary"
        size="small"
        disabled={pages.page === 1}
        onClick={pages.previous}
        aria-label="Previous page"
      >
        <ChevronLeft aria-hidden /> Previous
      </Button>
      <span className="text-muted">Page {pages.page}</span>
      <Button
        variant="secondary"
        size="small"
        disabled={!info.hasNextPage}
        onClick={() => pages.next(info.endCursor)}
        aria-label="Next page"
      >
        Next <ChevronRight aria-hidden />
      </Button>
    </nav>
  );
}
