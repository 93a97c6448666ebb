// A reseller's invoices, as the platform issues, credits and settles them.
import { FilePlus } from "lucide-react";
import { useState } from "react";
import { creditInvoice, recordInvoicePayment } from "@/api/commands/finance";
import { type InvoiceRow, Invoices, isOpen } from "@/components/invoices";
import { TextCommand } from "@/components/text-command";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { paymentReference, reason } from "@/lib/validation";
import { IssueInvoice } from "./issue-invoice";

export function ResellerInvoices({ resellerId }: { resellerId: string }) {
  const [issuing, setIssuing] = useState(false);
  return (
    <Card className="overflow-hidden">
      <CardHeader
        title="Invoices and credit notes"
        action={
          <Button variant="secondary" size="small" onClick={() => setIssuing(true)}>
            <FilePlus aria-hidden /> Issue invoice
          </Button>
        }
      />
      <Invoices
        resellerId={resellerId}
        actions={(row) => <InvoiceSteps resellerId={resellerId} row={row} />}
      />
      <Dialog
        open={issuing}
        onOpenChange={setIssuing}
        title="Issue an invoice"
        description="Every pack and fee of the currency that stands on no invoice yet is put on it. It cannot be edited afterwards, only credited."
      >
        <IssueInvoice resellerId={resellerId} onDone={() => setIssuing(false)} />
      </Dialog>
    </Card>
  );
}

function InvoiceSteps({ resellerId, row }: { resellerId: string; row: InvoiceRow }) {
  const [step, setStep] = useState<"pay" | "credit">();
  if (row.kind !== "INVOICE" || row.creditedBy != null) return "–";
  const known = { resellerId, number: row.number };
  const close = () => setStep(undefined);
  return (
    <span className="inline-flex flex-wrap justify-end gap-2">
      {isOpen(row) && (
        <Button
          variant="secondary"
          size="small"
          aria-label={`Record payment of ${row.reference}`}
          onClick={() => setStep("pay")}
        >
          Record payment
        </Button>
      )}
      <Button
        variant="danger"
        size="small"
        aria-label={`Credit ${row.reference}`}
        onClick={() => setStep("credit")}
      >
        Credit
      </Button>
      <Dialog open={step === "pay"} onOpenChange={close} title={`Payment of ${row.reference}`}>
        <TextCommand
          label="Reference"
          hint="That of the bank transfer, for example."
          submit="Record payment"
          schema={paymentReference}
          send={(reference, key) => recordInvoicePayment({ ...known, reference }, key)}
          onDone={close}
        />
      </Dialog>
      <Dialog
        open={step === "credit"}
        onOpenChange={close}
        title={`Credit ${row.reference}?`}
        description="A credit note takes back the whole of it."
      >
        <TextCommand
          label="Reason"
          hint="It stands on the credit note."
          submit="Issue credit note"
          schema={reason}
          send={(text, key) => creditInvoice({ ...known, reason: text }, key)}
          onDone={close}
        />
      </Dialog>
    </span>
  );
}
