import { Coins } from "lucide-react";
import { useState } from "react";
import { useRead } from "@/api/client";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { SaveList } from "@/components/save-list";
import { Loaded } from "@/components/states";
import { Transactions } from "@/components/transactions";
import { Button } from "@/components/ui/button";
import { Card, CardHeader } from "@/components/ui/card";
import { graphql } from "@/gql";
import { usePages } from "@/lib/use-pages";
import { BuyCredits } from "./buy-credits";
import { CreditAccount } from "./credit-account";

const document = graphql(`
  query Credits($after: String, $minPosition: String) {
    creditTransactions(first: 20, after: $after, minPosition: $minPosition) {
      nodes {
        id
        kind
        amount
        balanceAfter
        customerName
        note
        actorName
        at
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const file = graphql(`
  query CreditsFile($minPosition: String) {
    creditTransactions(minPosition: $minPosition) {
      nodes {
        number
        kind
        amount
        balanceAfter
        customerId
        customerName
        note
        actorName
        at
      }
    }
  }
`);

export function CreditsPage() {
  const pages = usePages("");
  const reading = useRead(document, { after: pages.after ?? null });
  const [buying, setBuying] = useState(false);
  return (
    <Page
      title="Credits"
      description="What is available, how long it lasts, and every movement."
      action={
        <>
          <SaveList name="credits" document={file} variables={{}} />
          <Button variant="secondary" onClick={() => setBuying(true)}>
            <Coins aria-hidden /> Buy credits
          </Button>
        </>
      }
    >
      <CreditAccount />
      <Card className="overflow-hidden">
        <CardHeader title="Transactions" description="Newest first." />
        <Loaded reading={reading} label="Loading transactions">
          {({ creditTransactions }) => (
            <>
              <Transactions rows={creditTransactions.nodes} />
              <Pager pages={pages} info={creditTransactions.pageInfo} label="transactions" />
            </>
          )}
        </Loaded>
      </Card>
      <BuyCredits open={buying} onOpenChange={setBuying} />
    </Page>
  );
}
