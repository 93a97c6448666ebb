import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { session } from "@/api/session";
import { ActAs } from "@/components/act-as";
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
  const ownRole = session.get()?.user.role;
  const isAdmin = ownRole === "platform_admin";
  const acts = isAdmin || ownRole === "platform_support";
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
        action={(person) => (
          <span className="inline-flex flex-wrap justify-end gap-2">
            {acts && <ActAs person={person} within={["reseller", "portal"]} />}
            {isAdmin && !person.erasedAt && (
              <Button
                variant="danger"
                size="small"
                aria-label={`Erase ${person.name}`}
                onClick={() => setLeaving(person)}
              >
                Erase
              </Button>
            )}
          </span>
        )}
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
