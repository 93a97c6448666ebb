// Frame of every signed-in page: navigation beside it, or behind a menu button on a phone.
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { ChevronsUpDown, KeyRound, LogOut, Menu as MenuIcon, ShieldCheck } from "lucide-react";
import { Dialog } from "radix-ui";
import { useEffect, useState, useSyncExternalStore } from "react";
import { endSession } from "@/api/http";
import { type Audience, session } from "@/api/session";
import { areas, currentEntry } from "@/areas";
import { ChangePassword } from "@/auth/change-password";
import { Security } from "@/auth/security";
import { Brand } from "./brand";
import { ImpersonationBanner } from "./impersonation-banner";
import { Button } from "./ui/button";
import { Menu, MenuItem } from "./ui/menu";

export function Shell({ audience }: { audience: Audience }) {
  const [open, setOpen] = useState(false);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: going to another page closes the menu
  useEffect(() => setOpen(false), [pathname]);

  return (
    <div className="min-h-dvh md:grid md:grid-cols-[15rem_1fr]">
      <a
        href="#content"
        className="sr-only z-50 rounded-lg bg-accent px-4 py-2 text-accent-foreground focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <aside className="hidden border-line border-r bg-surface md:block">
        <div className="sticky top-0 flex h-dvh flex-col p-4">
          <AreaTitle audience={audience} />
          <Navigation audience={audience} />
          <Account />
        </div>
      </aside>
      <header className="sticky top-0 z-30 flex items-center justify-between border-line border-b bg-surface px-4 py-2.5 md:hidden">
        <Brand />
        <Dialog.Root open={open} onOpenChange={setOpen}>
          <Dialog.Trigger asChild>
            <Button variant="ghost" size="icon" aria-label="Open menu">
              <MenuIcon aria-hidden />
            </Button>
          </Dialog.Trigger>
          <Dialog.Portal>
            <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
            <Dialog.Content
              aria-describedby={undefined}
              className="fixed inset-y-0 right-0 z-50 flex w-72 max-w-[85vw] flex-col border-line border-l bg-surface p-4"
            >
              <Dialog.Title className="sr-only">Menu</Dialog.Title>
              <AreaTitle audience={audience} />
              <Navigation audience={audience} />
              <Account />
            </Dialog.Content>
          </Dialog.Portal>
        </Dialog.Root>
      </header>
      <main id="content" tabIndex={-1} className="min-w-0 outline-none">
        <ImpersonationBanner />
        <Outlet />
      </main>
    </div>
  );
}

function AreaTitle({ audience }: { audience: Audience }) {
  return (
    <div className="mb-6 px-2 pt-1">
      <Brand />
      <p className="mt-1.5 pl-10.5 text-muted text-xs">{areas[audience].title}</p>
    </div>
  );
}

function Navigation({ audience }: { audience: Audience }) {
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const current = currentEntry(audience, pathname);
  const link = "flex h-10 items-center gap-3 rounded-lg px-3 font-medium [&_svg]:size-4";
  return (
    <nav aria-label="Main" className="flex-1 space-y-1">
      {areas[audience].navigation.map(({ to, label, icon: Icon }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: to !== current, includeSearch: false }}
          className={link}
          activeProps={{ className: "bg-accent-soft text-accent-text" }}
          inactiveProps={{ className: "text-muted hover:bg-raised hover:text-foreground" }}
        >
          <Icon aria-hidden /> {label}
        </Link>
      ))}
    </nav>
  );
}

function Account() {
  const signedIn = useSyncExternalStore(session.subscribe, session.get);
  const user = signedIn?.user;
  const [changing, setChanging] = useState(false);
  const [securing, setSecuring] = useState(false);
  const leave = async () => {
    // Whether or not the server heard it, nothing of the session stays here.
    await session.signOut().catch(() => undefined);
    endSession();
  };
  if (!user) return null;
  return (
    <>
      <Menu
        trigger={
          <button
            type="button"
            aria-label={`Account of ${user.name}`}
            className="flex w-full items-center gap-2 rounded-lg p-2 text-left hover:bg-raised"
          >
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium">{user.name}</span>
              <span className="block truncate text-muted text-xs">{user.email}</span>
            </span>
            <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
          </button>
        }
      >
        <MenuItem onSelect={() => setChanging(true)}>
          <KeyRound aria-hidden /> Change password
        </MenuItem>
        <MenuItem onSelect={() => setSecuring(true)}>
          <ShieldCheck aria-hidden /> Security
        </MenuItem>
        <MenuItem onSelect={leave}>
          <LogOut aria-hidden /> Sign out
        </MenuItem>
      </Menu>
      <ChangePassword open={changing} onOpenChange={setChanging} />
      <Security open={securing || (signedIn?.mustEnrolTotp ?? false)} onOpenChange={setSecuring} />
    </>
  );
}
