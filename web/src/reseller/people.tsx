import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { session } from "@/api/session";
import { ActAs } from "@/components/act-as";
import { InvitePerson } from "@/components/invite-person";
import { Page } from "@/components/page";
import { PeopleList } from "@/components/people-list";
import { Button } from "@/components/ui/button";

const route = getRouteApi("/reseller-area/reseller/people");

export function ResellerPeoplePage() {
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  const [inviting, setInviting] = useState(false);
  const isOwner = session.get()?.user.role === "reseller_owner";
  const invite = isOwner && <Button onClick={() => setInviting(true)}>Invite</Button>;
  return (
    <Page title="People" description="Your own people and those of your customers." action={invite}>
      <PeopleList
        search={search}
        onSearch={(text) =>
          navigate({ to: "/reseller/people", search: { search: text }, replace: true })
        }
        homes
        action={(person) => isOwner && <ActAs person={person} within={["portal"]} />}
      />
      <InvitePerson audience="reseller" open={inviting} onOpenChange={setInviting} />
    </Page>
  );
}
