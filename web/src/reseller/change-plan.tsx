// Another tier for a customer: shown first, to the second, then changed as it was shown.
import { useState } from "react";
import { changePlan, type PlanChange, previewPlan } from "@/api/commands/customers";
import { type Problem, problemOf } from "@/api/problem";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { formatCredits, formatDateTime } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { useTiers } from "./tiers";

interface ChangePlanProps {
  open: boolean;
  onClose: () => void;
  id: string;
  name: string;
  /** Code of the present tier. */
  tier: string;
}

export function ChangePlan({ open, onClose, name, ...rest }: ChangePlanProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onClose}
      title={`Change the plan of ${name}`}
      description="What was paid keeps its value: the days become fewer or more, no credits are debited."
    >
      <PlanForm {...rest} onClose={onClose} />
    </Dialog>
  );
}

function PlanForm({ id, tier, onClose }: { id: string; tier: string; onClose: () => void }) {
  const tiers = useTiers().data?.tiers ?? [];
  const others = tiers.filter((entry) => !entry.retired && entry.code !== tier);
  const [chosen, setChosen] = useState("");
  const [shown, setShown] = useState<PlanChange>();
  const [refused, setRefused] = useState<Problem>();
  const command = useCommand(changePlan);
  const nameOf = (code: string) => tiers.find((entry) => entry.code === code)?.name ?? code;

  const choose = async (code: string) => {
    setChosen(code);
    setShown(undefined);
    setRefused(undefined);
    command.clear();
    if (!code) return;
    try {
      setShown(await previewPlan({ id, tier: code }));
    } catch (error) {
      setRefused(problemOf(error));
    }
  };
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!shown) return;
    const answer = await command.run({ id, tier: shown.to, previewedAt: shown.at });
    if (answer) onClose();
  };
  const problem = command.problem ?? refused;
  return (
    <form onSubmit={submit} className="space-y-4">
      {problem && <ProblemAlert problem={problem} />}
      <Field label="New plan">
        {(control) => (
          <Select {...control} value={chosen} onChange={(event) => choose(event.target.value)}>
            <option value="">Choose a plan</option>
            {others.map((entry) => (
              <option key={entry.code} value={entry.code}>
                {`${entry.name}, ${formatCredits(entry.creditsPerDay)} a day`}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {shown && (
        <Alert>
          {`${nameOf(shown.from)} would end on ${formatDateTime(shown.endedAt)}. ${nameOf(shown.to)} ends on ${formatDateTime(shown.endsAt)}: a day costs ${formatCredits(shown.creditsPerDay)} in place of ${formatCredits(shown.creditsPerDayBefore)}.`}
        </Alert>
      )}
      {shown ? (
        <Submit busy={command.busy}>Change plan</Submit>
      ) : (
        <Button variant="secondary" onClick={onClose}>
          Close
        </Button>
      )}
    </form>
  );
}
