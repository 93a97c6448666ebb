import { Invoices } from "@/components/invoices";
import { Page } from "@/components/page";
import { Statements } from "@/components/statements";
import { Card, CardHeader } from "@/components/ui/card";

export function StatementsPage() {
  return (
    <Page
      title="Statements"
      description="What you were paid for your sales, and what you were charged. Open one to print it or to store it as PDF."
    >
      <div className="space-y-6">
        <Card className="overflow-hidden">
          <CardHeader title="Commission statements" />
          <Statements />
        </Card>
        <Card className="overflow-hidden">
          <CardHeader title="Invoices and credit notes" />
          <Invoices />
        </Card>
      </div>
    </Page>
  );
}
