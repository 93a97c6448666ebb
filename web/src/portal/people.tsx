import { getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { session } from "@/api/session";
import { InvitePerson } from "@/components/invite-person";
import { Page } from "@/components/page";
import { PeopleList } from "@/components/people-list";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { AddPerson } from "./add-person";

const route = getRouteApi("/portal-area/portal/people");

export function ColleaguesPage() {
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  const [adding, setAdding] = useState(false);
  const [inviting, setInviting] = useState(false);
  if (session.get()?.user.role !== "customer_admin") {
    return (
      <Page title="People">
        <Alert>The list of people is for the admins of your organisation: ask one of them.</Alert>
      </Page>
    );
  }
  const add = (
    <>
      <Button variant="secondary" onClick={() => setInviting(true)}>
        Invite
      </Button>
      <Button onClick={() => setAdding(true)}>
        <Plus aria-hidden /> Add person
      </Button>
    </>
  );
  return (
    <Page title="People" description="Those of your organisation who sign in." action={add}>
      <PeopleList
        search={search}
        onSearch={(text) =>
          navigate({ to: "/portal/people", search: { search: text }, replace: true })
        }
        homes={false}
      />
      <InvitePerson audience="portal" open={inviting} onOpenChange={setInviting} />
      <AddPerson open={adding} onOpenChange={setAdding} />
    </Page>
  );
}
