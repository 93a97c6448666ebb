// What can be done next with a payout run.
import { useState } from "react";
import { changePayoutRun } from "@/api/commands/finance";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextCommand } from "@/components/text-command";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import type { PayoutRunStatus } from "@/gql/graphql";
import { formatMoney } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { paymentReference, reason } from "@/lib/validation";

interface Run {
  id: string;
  currency: string;
  number: number;
  status: PayoutRunStatus;
  payoutMinor: number;
}

type Step = "approve" | "pay" | "cancel";

export function RunSteps({ run }: { run: Run }) {
  const [step, setStep] = useState<Step>();
  if (run.status === "PAID" || run.status === "CANCELLED") return "–";
  const name = `${run.currency} ${run.number}`;
  const forward = run.status === "DRAFT" ? "approve" : "pay";
  const word = forward === "approve" ? "Approve" : "Record payment";
  const close = () => setStep(undefined);
  return (
    <span className="inline-flex flex-wrap justify-end gap-2">
      <Button size="small" aria-label={`${word} of run ${name}`} onClick={() => setStep(forward)}>
        {word}
      </Button>
      <Button
        variant="danger"
        size="small"
        aria-label={`Cancel run ${name}`}
        onClick={() => setStep("cancel")}
      >
        Cancel
      </Button>
      <Dialog
        open={step === "approve"}
        onOpenChange={close}
        title={`Approve run ${name}?`}
        description={`${formatMoney({ amountMinor: run.payoutMinor, currency: run.currency })} can then be paid out, and resellers see their statements.`}
      >
        <Approve run={run} onDone={close} />
      </Dialog>
      <Dialog
        open={step === "pay"}
        onOpenChange={close}
        title={`Record the payment of run ${name}`}
        description="Its statements are settled with it."
      >
        <TextCommand
          label="Reference"
          hint="That of the bank transfer, for example."
          submit="Record payment"
          schema={paymentReference}
          send={(reference, key) =>
            changePayoutRun(
              { currency: run.currency, id: run.id, to: "pay", body: { reference } },
              key,
            )
          }
          onDone={close}
        />
      </Dialog>
      <Dialog
        open={step === "cancel"}
        onOpenChange={close}
        title={`Cancel run ${name}?`}
        description="Nothing of it is paid. The next run takes what was in it."
      >
        <TextCommand
          label="Reason"
          submit="Cancel run"
          schema={reason}
          send={(text, key) =>
            changePayoutRun(
              { currency: run.currency, id: run.id, to: "cancel", body: { reason: text } },
              key,
            )
          }
          onDone={close}
        />
      </Dialog>
    </span>
  );
}

function Approve({ run, onDone }: { run: Run; onDone: () => void }) {
  const command = useCommand(changePayoutRun);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    const step = { currency: run.currency, id: run.id, to: "approve" as const, body: {} };
    if (await command.run(step)) onDone();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {command.problem && <ProblemAlert problem={command.problem} />}
      <Submit busy={command.busy}>Approve run</Submit>
    </form>
  );
}
