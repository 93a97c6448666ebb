import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { session } from "@/api/session";
import { InvitePerson } from "@/components/invite-person";
import { Page } from "@/components/page";
import { PeopleList, type Person } from "@/components/people-list";
import { Button } from "@/components/ui/button";
import { ErasePerson } from "./erase-person";

const route = getRouteApi("/admin-area/admin/people");

export function PeoplePage() {
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  const [leaving, setLeaving] = useState<Person>();
  const [inviting, setInviting] = useState(false);
  const isAdmin = session.get()?.user.role === "platform_admin";
  const invite = isAdmin && <Button onClick={() => setInviting(true)}>Invite</Button>;
  return (
    <Page
      title="People"
      description="Everybody who signs in, on the platform and beyond."
      action={invite}
    >
      <PeopleList
        search={search}
        onSearch={(text) =>
          navigate({ to: "/admin/people", search: { search: text }, replace: true })
        }
        homes
        action={(person) =>
          isAdmin &&
          !person.erasedAt && (
            <Button
              variant="danger"
              size="small"
              aria-label={`Erase ${person.name}`}
              onClick={() => setLeaving(person)}
            >
              Erase
            </Button>
          )
        }
      />
      <InvitePerson audience="admin" open={inviting} onOpenChange={setInviting} />
      {leaving?.email && (
        <ErasePerson
          key={leaving.id}
          id={leaving.id}
          name={leaving.name ?? leaving.email}
          email={leaving.email}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </Page>
  );
}
