import { Progress as Primitive } from "radix-ui";

interface ProgressProps {
  /** From 0 to 100. */
  value: number;
  label: string;
}

export function Progress({ value, label }: ProgressProps) {
  return (
    <Primitive.Root
      value={value}
      aria-label={label}
      className="h-2 w-full overflow-hidden rounded-full bg-raised"
    >
      <Primitive.Indicator
        className="h-full rounded-full bg-accent transition-[width] duration-300"
        style={{ width: `${value}%` }}
      />
    </Primitive.Root>
  );
}
