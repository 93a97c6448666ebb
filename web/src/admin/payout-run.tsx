import { getRouteApi } from "@tanstack/react-router";
import { DocumentButtons } from "@/components/document-buttons";
import { Page } from "@/components/page";
import { Statements } from "@/components/statements";
import { Card } from "@/components/ui/card";

const back = { to: "/admin/payouts", label: "Payouts" };
const route = getRouteApi("/admin-area/admin/payouts/$id");

export function PayoutRunPage() {
  const { id } = route.useParams();
  return (
    <Page
      title="Payout run"
      back={back}
      description="One frozen statement for each reseller, and what is paid to whom."
      action={
        <DocumentButtons
          path={`/downloads/payouts/${encodeURIComponent(id)}/payments`}
          name="payments"
          formats={["csv"]}
          page={false}
        />
      }
    >
      <Card className="overflow-hidden">
        <Statements runId={id} />
      </Card>
    </Page>
  );
}
