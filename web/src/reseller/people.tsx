import { getRouteApi } from "@tanstack/react-router";
import { Page } from "@/components/page";
import { PeopleList } from "@/components/people-list";

const route = getRouteApi("/reseller-area/reseller/people");

export function ResellerPeoplePage() {
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="People" description="Your own people and those of your customers.">
      <PeopleList
        search={search}
        onSearch={(text) =>
          navigate({ to: "/reseller/people", search: { search: text }, replace: true })
        }
        homes
      />
    </Page>
  );
}
