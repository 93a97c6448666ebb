// What a list or page shows when it has no rows yet, none at all, or could not be read.
import { Lock, type LucideIcon, RotateCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { Reading } from "@/api/client";
import { Button } from "./ui/button";

export function Skeleton({ className = "h-4 w-full" }: { className?: string }) {
  return <div className={`animate-pulse rounded-md bg-raised ${className}`} />;
}

function ListSkeleton({ label }: { label: string }) {
  return (
    <div role="status" aria-label={label} className="space-y-4 px-5 py-5">
      {["w-11/12", "w-9/12", "w-10/12", "w-8/12"].map((width) => (
        <Skeleton key={width} className={`h-5 ${width}`} />
      ))}
    </div>
  );
}

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}

export function Empty({ icon: Icon, title, children, action }: EmptyProps) {
  return (
    <div className="flex flex-col items-center px-5 pt-6 pb-10 text-center">
      <div className="mb-3 rounded-full bg-raised p-3 text-muted">
        <Icon aria-hidden className="size-6" />
      </div>
      <p className="font-medium">{title}</p>
      <p className="mt-1 max-w-sm text-muted">{children}</p>
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}

export function Failed({ message, retry }: { message: string; retry: () => void }) {
  return (
    <div role="alert" className="flex flex-col items-center px-5 pt-6 pb-10 text-center">
      <div className="mb-3 rounded-full bg-danger-soft p-3 text-danger">
        <TriangleAlert aria-hidden className="size-6" />
      </div>
      <p className="font-medium">This could not be loaded</p>
      <p className="mt-1 max-w-md text-muted">{message}</p>
      <Button variant="secondary" className="mt-4" onClick={retry}>
        <RotateCw aria-hidden /> Try again
      </Button>
    </div>
  );
}

/** Trying again changes nothing here: somebody above has to. */
function Denied({ permission, message }: { permission: string; message: string }) {
  return (
    <div role="alert" className="flex flex-col items-center px-5 pt-6 pb-10 text-center">
      <div className="mb-3 rounded-full bg-warning-soft p-3 text-warning">
        <Lock aria-hidden className="size-6" />
      </div>
      <p className="font-medium">You may not see this</p>
      <p className="mt-1 max-w-md text-muted first-letter:uppercase">{message}</p>
      <p className="mt-2 font-mono text-muted text-xs">Missing permission: {permission}</p>
    </div>
  );
}

interface LoadedProps<Data> {
  reading: Reading<Data>;
  label: string;
  children: (data: Data) => ReactNode;
}

/** Shows data when there is some, else why there is none. */
export function Loaded<Data>({ reading, label, children }: LoadedProps<Data>) {
  if (reading.error && reading.denied) {
    return <Denied permission={reading.denied} message={reading.error} />;
  }
  if (reading.error) return <Failed message={reading.error} retry={reading.retry} />;
  if (!reading.data) return <ListSkeleton label={label} />;
  return children(reading.data);
}
