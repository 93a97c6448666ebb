// A business that asked to become a reseller, and what the platform answers.
import { Check, X } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { approveReseller, declineReseller } from "@/api/commands/resellers";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextCommand } from "@/components/text-command";
import { TextField } from "@/components/text-field";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { rateFromPercent } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";
import { percentage, reason } from "@/lib/validation";

interface Application {
  id: string;
  name: string;
}

export function ApplicationDecision({ id, name }: Application) {
  const [doing, setDoing] = useState<"approve" | "decline">();
  const close = () => setDoing(undefined);
  return (
    <>
      <Button variant="danger" onClick={() => setDoing("decline")}>
        <X aria-hidden /> Decline
      </Button>
      <Button onClick={() => setDoing("approve")}>
        <Check aria-hidden /> Approve
      </Button>
      <Dialog
        open={doing === "approve"}
        onOpenChange={close}
        title={`Approve ${name}`}
        description="It gets a credit account, and its owner may sign in."
      >
        <Approval id={id} onDone={close} />
      </Dialog>
      <Dialog
        open={doing === "decline"}
        onOpenChange={close}
        title={`Decline ${name}`}
        description="The applicant sees the reason."
      >
        <TextCommand
          label="Reason"
          submit="Decline application"
          schema={reason}
          send={(text, key) => declineReseller({ id, reason: text }, key)}
          onDone={close}
        />
      </Dialog>
    </>
  );
}

const schema = z.object({ commissionRate: percentage, reason });

function Approval({ id, onDone }: { id: string; onDone: () => void }) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema,
    defaults: { commissionRate: "20", reason: "" },
    fields: ["commissionRate", "reason"],
    send: (values, key) =>
      approveReseller(
        { id, ...values, commissionRate: rateFromPercent(values.commissionRate) },
        key,
      ),
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField
        label="Commission in percent"
        inputMode="decimal"
        error={errorOf("commissionRate")}
        {...form.register("commissionRate")}
      />
      <TextField
        label="Reason"
        hint="The applicant sees it."
        error={errorOf("reason")}
        {...form.register("reason")}
      />
      <Submit busy={busy}>Approve application</Submit>
    </form>
  );
}
