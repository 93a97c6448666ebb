// What a reseller's account may do beyond packs: go below zero, and give credits to another one.
import { ArrowRightLeft, Scale } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { useRead } from "@/api/client";
import { setCreditLine, transferCredits } from "@/api/commands/credits";
import { Field } from "@/components/field";
import { Stat } from "@/components/page";
import { ProblemAlert } from "@/components/problem-alert";
import { SearchBox } from "@/components/search-box";
import { Loaded } from "@/components/states";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Button } from "@/components/ui/button";
import { Card, CardBody, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { graphql } from "@/gql";
import { formatNumber } from "@/lib/format";
import { useFormCommand } from "@/lib/use-form-command";
import { reason, wholeNumber } from "@/lib/validation";

const document = graphql(`
  query ResellerCredits($resellerId: ID!, $minPosition: String) {
    creditAccount(resellerId: $resellerId, minPosition: $minPosition) {
      balance
      held
      creditLine
      alertThresholds
    }
  }
`);

const othersDocument = graphql(`
  query TransferTargets($search: String, $minPosition: String) {
    resellers(first: 100, search: $search, minPosition: $minPosition) {
      nodes {
        id
        name
        status
      }
    }
  }
`);

const CREDITS_MAX = 1_000_000_000;

export function ResellerCredits({ resellerId }: { resellerId: string }) {
  const reading = useRead(document, { resellerId });
  const [doing, setDoing] = useState<"line" | "transfer">();
  const close = () => setDoing(undefined);
  return (
    <Card>
      <CardHeader
        title="Credit account"
        action={
          <div className="flex flex-wrap gap-2">
            <Button variant="secondary" size="small" onClick={() => setDoing("line")}>
              <Scale aria-hidden /> Credit line
            </Button>
            <Button variant="secondary" size="small" onClick={() => setDoing("transfer")}>
              <ArrowRightLeft aria-hidden /> Transfer credits
            </Button>
          </div>
        }
      />
      <CardBody>
        <Loaded reading={reading} label="Loading the credit account">
          {({ creditAccount }) => (
            <dl className="grid grid-cols-2 gap-4 lg:grid-cols-4">
              <Stat label="Available" value={formatNumber(creditAccount?.balance ?? 0)} />
              <Stat
                label="Held"
                value={formatNumber(creditAccount?.held ?? 0)}
                detail="by reservations"
              />
              <Stat
                label="Credit line"
                value={formatNumber(creditAccount?.creditLine ?? 0)}
                detail="how far below zero it may go"
              />
              <Stat
                label="Alerts at"
                value={creditAccount?.alertThresholds.map(formatNumber).join(", ") || "–"}
              />
            </dl>
          )}
        </Loaded>
      </CardBody>
      <Dialog
        open={doing === "line"}
        onOpenChange={close}
        title="Credit line"
        description="How far below zero the balance may go."
      >
        <CreditLine resellerId={resellerId} onDone={close} />
      </Dialog>
      <Dialog
        open={doing === "transfer"}
        onOpenChange={close}
        title="Transfer credits"
        description="Both accounts change at once, or neither does."
      >
        <Transfer resellerId={resellerId} onDone={close} />
      </Dialog>
    </Card>
  );
}

interface FormProps {
  resellerId: string;
  onDone: () => void;
}

const limit = z
  .string()
  .trim()
  .regex(/^\d{1,10}$/, "Enter a whole number of credits, 0 for none.");

function CreditLine({ resellerId, onDone }: FormProps) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({ limit, reason }),
    defaults: { limit: "", reason: "" },
    fields: ["limit", "reason"],
    send: (values, key) =>
      setCreditLine({ id: resellerId, limit: Number(values.limit), reason: values.reason }, key),
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField
        label="Credits"
        inputMode="numeric"
        error={errorOf("limit")}
        {...form.register("limit")}
      />
      <TextField label="Reason" error={errorOf("reason")} {...form.register("reason")} />
      <Submit busy={busy}>Save credit line</Submit>
    </form>
  );
}

const transfer = z.object({
  toResellerId: z.string().min(1, "Choose who gets the credits."),
  credits: wholeNumber("Enter a whole number of credits.", CREDITS_MAX),
  note: reason,
});

function Transfer({ resellerId, onDone }: FormProps) {
  const [search, setSearch] = useState("");
  const others = useRead(othersDocument, { search: search || null }).data?.resellers.nodes ?? [];
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: transfer,
    defaults: { toResellerId: "", credits: "", note: "" },
    fields: ["toResellerId", "credits", "note"],
    send: (values, key) =>
      transferCredits({ id: resellerId, ...values, credits: Number(values.credits) }, key),
    onDone,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <SearchBox label="Search who gets them" value={search} onSearch={setSearch} />
      <Field label="To" error={errorOf("toResellerId")}>
        {(control) => (
          <Select {...control} {...form.register("toResellerId")}>
            <option value="">Choose a reseller</option>
            {others
              .filter((other) => other.id !== resellerId && other.status === "ACTIVE")
              .map((other) => (
                <option key={other.id} value={other.id}>
                  {other.name}
                </option>
              ))}
          </Select>
        )}
      </Field>
      <TextField
        label="Credits"
        inputMode="numeric"
        error={errorOf("credits")}
        {...form.register("credits")}
      />
      <TextField label="Note" error={errorOf("note")} {...form.register("note")} />
      <Submit busy={busy}>Transfer credits</Submit>
    </form>
  );
}
