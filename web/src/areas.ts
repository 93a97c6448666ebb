// The three audiences: where each signs in, where it lands, and what its navigation holds.
import {
  AudioLines,
  Building2,
  CalendarCheck,
  ChartColumn,
  Coins,
  FileText,
  HandCoins,
  KeySquare,
  LayoutDashboard,
  ListChecks,
  type LucideIcon,
  Package,
  Scale,
  ScrollText,
  ShieldCheck,
  UserRound,
  Users,
  Workflow,
} from "lucide-react";
import type { Audience } from "./api/session";

export interface NavigationItem {
  to: string;
  label: string;
  icon: LucideIcon;
}

export interface Area {
  title: string;
  home: string;
  signIn: string;
  navigation: NavigationItem[];
}

export const areas: Record<Audience, Area> = {
  admin: {
    title: "Platform",
    home: "/admin/resellers",
    signIn: "/admin/sign-in",
    navigation: [
      { to: "/admin/resellers", label: "Resellers", icon: Building2 },
      { to: "/admin/packs", label: "Credit packs", icon: Package },
      { to: "/admin/permissions", label: "Permissions", icon: KeySquare },
      { to: "/admin/payouts", label: "Payouts", icon: HandCoins },
      { to: "/admin/reports", label: "Reports", icon: ChartColumn },
      { to: "/admin/ledger", label: "Ledger", icon: Scale },
      { to: "/admin/periods", label: "Periods", icon: CalendarCheck },
      { to: "/admin/audit", label: "Audit", icon: ShieldCheck },
      { to: "/admin/audit-log", label: "Audit log", icon: ScrollText },
      { to: "/admin/people", label: "People", icon: UserRound },
    ],
  },
  reseller: {
    title: "Reseller",
    home: "/reseller",
    signIn: "/reseller/sign-in",
    navigation: [
      { to: "/reseller", label: "Dashboard", icon: LayoutDashboard },
      { to: "/reseller/customers", label: "Customers", icon: Users },
      { to: "/reseller/bulks", label: "Bulks", icon: ListChecks },
      { to: "/reseller/credits", label: "Credits", icon: Coins },
      { to: "/reseller/reports", label: "Reports", icon: ChartColumn },
      { to: "/reseller/statements", label: "Statements", icon: FileText },
      { to: "/reseller/people", label: "People", icon: UserRound },
      { to: "/reseller/audit-log", label: "Audit log", icon: ScrollText },
    ],
  },
  portal: {
    title: "Portal",
    home: "/portal",
    signIn: "/portal/sign-in",
    navigation: [
      { to: "/portal", label: "Transcriptions", icon: AudioLines },
      { to: "/portal/workflows", label: "Workflows", icon: Workflow },
      { to: "/portal/people", label: "People", icon: UserRound },
    ],
  },
};

/** The address of the navigation's entry that a page belongs to: the longest that leads to it. */
export function currentEntry(audience: Audience, pathname: string): string | undefined {
  return areas[audience].navigation
    .map(({ to }) => to)
    .filter((to) => pathname === to || pathname.startsWith(`${to}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** A place inside the panel to return to after sign-in, and never one outside it. */
export function safeNext(next: string | undefined, audience: Audience): string {
  const { home } = areas[audience];
  if (next === undefined || next.includes("/sign-in")) return home;
  return next === `/${audience}` || next.startsWith(`/${audience}/`) ? next : home;
}
