// Every address of the panel, and who may be there.
import {
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { z } from "zod";
import { AuditPage } from "./admin/audit";
import { LedgerPage } from "./admin/ledger";
import { PacksPage } from "./admin/packs";
import { PayoutRunPage } from "./admin/payout-run";
import { PayoutsPage } from "./admin/payouts";
import { PeoplePage } from "./admin/people";
import { PeriodsPage } from "./admin/periods";
import { PermissionTemplatesPage } from "./admin/permission-templates";
import { ResellerPage } from "./admin/reseller";
import { ResellersPage } from "./admin/resellers";
import { type Audience, session } from "./api/session";
import { areas, safeNext } from "./areas";
import { ForgotPasswordPage, InvitationPage, PasswordResetPage } from "./auth/link-pages";
import { SignInPage } from "./auth/sign-in";
import { AuditLogPage } from "./components/audit-log";
import { Crash, NotFound } from "./components/dead-ends";
import { ReportsPage } from "./components/reports";
import { Shell } from "./components/shell";
import { JobPage } from "./portal/job";
import { JobsPage } from "./portal/jobs";
import { NewTranscriptionPage } from "./portal/new-transcription";
import { ColleaguesPage } from "./portal/people";
import { EditWorkflowPage, NewWorkflowPage } from "./portal/workflow";
import { WorkflowsPage } from "./portal/workflows";
import { BulkPage } from "./reseller/bulk";
import { BulksPage } from "./reseller/bulks";
import { CreditsPage } from "./reseller/credits";
import { CustomerPage } from "./reseller/customer";
import { CustomersPage } from "./reseller/customers";
import { DashboardPage } from "./reseller/dashboard";
import { NewCustomerPage } from "./reseller/new-customer";
import { ResellerPeoplePage } from "./reseller/people";
import { StatementsPage } from "./reseller/statements";

const rootRoute = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: Crash,
});

const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: async () => {
    const audience = (await session.ready())?.user.audience;
    throw redirect({ to: audience ? areas[audience].home : "/sign-in", replace: true });
  },
});

const signInSearch = z.object({ next: z.string().optional().catch(undefined) });

function signInRoute<Path extends string>(path: Path, audience: Audience | undefined) {
  return createRoute({
    getParentRoute: () => rootRoute,
    path,
    validateSearch: signInSearch,
    beforeLoad: async ({ search }) => {
      const signedIn = (await session.ready())?.user.audience;
      // One who is signed in elsewhere may still sign in here; it replaces the session.
      if (signedIn && (audience === undefined || audience === signedIn)) {
        throw redirect({ href: safeNext(search.next, signedIn), replace: true });
      }
    },
    component: () => <SignInPage audience={audience} />,
  });
}

/** Pages of one audience: without its session one is sent to its sign-in and back afterwards. */
function areaRoute<Id extends string>(id: Id, audience: Audience) {
  return createRoute({
    getParentRoute: () => rootRoute,
    id,
    beforeLoad: async ({ location }) => {
      const user = (await session.ready())?.user;
      if (user?.audience !== audience) {
        const search = { next: location.href };
        throw redirect({ to: areas[audience].signIn, search, replace: true });
      }
    },
    component: () => <Shell audience={audience} />,
  });
}

const adminArea = areaRoute("admin-area", "admin");
const resellerArea = areaRoute("reseller-area", "reseller");
const portalArea = areaRoute("portal-area", "portal");

const eventSearch = z.object({ position: z.string().optional().catch(undefined) });
const listSearch = z.object({ search: z.string().optional().catch(undefined) });
const statusSearch = z
  .enum(["ACTIVE", "EXPIRED", "PAUSED", "SUSPENDED", "CLOSED"])
  .optional()
  .catch(undefined);

const adminPages = adminArea.addChildren([
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin",
    beforeLoad: () => {
      throw redirect({ to: areas.admin.home, replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/resellers",
    validateSearch: listSearch,
    component: ResellersPage,
  }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/resellers/$id",
    component: ResellerPage,
  }),
  createRoute({ getParentRoute: () => adminArea, path: "/admin/packs", component: PacksPage }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/permissions",
    component: PermissionTemplatesPage,
  }),
  createRoute({ getParentRoute: () => adminArea, path: "/admin/payouts", component: PayoutsPage }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/payouts/$id",
    component: PayoutRunPage,
  }),
  createRoute({ getParentRoute: () => adminArea, path: "/admin/ledger", component: LedgerPage }),
  createRoute({ getParentRoute: () => adminArea, path: "/admin/periods", component: PeriodsPage }),
  createRoute({ getParentRoute: () => adminArea, path: "/admin/audit", component: AuditPage }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/audit-log",
    validateSearch: eventSearch,
    component: AuditLogPage,
  }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/reports",
    component: () => <ReportsPage auditLog="/admin/audit-log" />,
  }),
  createRoute({
    getParentRoute: () => adminArea,
    path: "/admin/people",
    validateSearch: listSearch,
    component: PeoplePage,
  }),
]);

const resellerPages = resellerArea.addChildren([
  createRoute({ getParentRoute: () => resellerArea, path: "/reseller", component: DashboardPage }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/customers",
    validateSearch: listSearch.extend({ status: statusSearch }),
    component: CustomersPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/customers/new",
    component: NewCustomerPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/customers/$id",
    component: CustomerPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/bulks",
    component: BulksPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/bulks/$id",
    component: BulkPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/credits",
    component: CreditsPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/statements",
    component: StatementsPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/audit-log",
    validateSearch: eventSearch,
    component: AuditLogPage,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/reports",
    component: () => <ReportsPage auditLog="/reseller/audit-log" />,
  }),
  createRoute({
    getParentRoute: () => resellerArea,
    path: "/reseller/people",
    validateSearch: listSearch,
    component: ResellerPeoplePage,
  }),
]);

const portalPages = portalArea.addChildren([
  createRoute({ getParentRoute: () => portalArea, path: "/portal", component: JobsPage }),
  createRoute({
    getParentRoute: () => portalArea,
    path: "/portal/new",
    validateSearch: z.object({ workflow: z.string().optional().catch(undefined) }),
    component: NewTranscriptionPage,
  }),
  createRoute({ getParentRoute: () => portalArea, path: "/portal/jobs/$id", component: JobPage }),
  createRoute({
    getParentRoute: () => portalArea,
    path: "/portal/people",
    validateSearch: listSearch,
    component: ColleaguesPage,
  }),
  createRoute({
    getParentRoute: () => portalArea,
    path: "/portal/workflows",
    component: WorkflowsPage,
  }),
  createRoute({
    getParentRoute: () => portalArea,
    path: "/portal/workflows/new",
    component: NewWorkflowPage,
  }),
  createRoute({
    getParentRoute: () => portalArea,
    path: "/portal/workflows/$id",
    component: EditWorkflowPage,
  }),
]);

const routeTree = rootRoute.addChildren([
  indexRoute,
  signInRoute("/sign-in", undefined),
  signInRoute("/admin/sign-in", "admin"),
  signInRoute("/reseller/sign-in", "reseller"),
  signInRoute("/portal/sign-in", "portal"),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/invitation",
    component: InvitationPage,
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/password-reset",
    component: PasswordResetPage,
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/forgot-password",
    component: ForgotPasswordPage,
  }),
  adminPages,
  resellerPages,
  portalPages,
]);

export const router = createRouter({ routeTree, scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
