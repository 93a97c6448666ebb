// Acting as somebody else: with a reason, for a quarter of an hour, looking only unless changing is asked for.
import { Eye } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { beginImpersonation } from "@/api/commands/people";
import type { Audience } from "@/api/session";
import { areas } from "@/areas";
import { useFormCommand } from "@/lib/use-form-command";
import { reason } from "@/lib/validation";
import type { Person } from "./people-list";
import { ProblemAlert } from "./problem-alert";
import { Submit } from "./submit";
import { TextField } from "./text-field";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";

const MINUTES = 15;

/** Where somebody of this role is at home; nobody acts as somebody of the platform. */
function audienceOf(role: Person["role"]): Audience | undefined {
  if (role.startsWith("CUSTOMER_")) return "portal";
  return role.startsWith("RESELLER_") ? "reseller" : undefined;
}

interface ActAsProps {
  person: Person;
  /** The areas whose people may be acted as. */
  within: readonly Audience[];
}

export function ActAs({ person, within }: ActAsProps) {
  const [open, setOpen] = useState(false);
  const audience = audienceOf(person.role);
  if (person.erasedAt || !audience || !within.includes(audience)) return null;
  return (
    <>
      <Button
        variant="secondary"
        size="small"
        aria-label={`Act as ${person.name}`}
        onClick={() => setOpen(true)}
      >
        <Eye aria-hidden /> Act as
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={`Act as ${person.name}?`}
        description={`You see what ${person.name} sees, for ${MINUTES} minutes. The person is shown that it was done and why, and every change carries both names.`}
      >
        <ActForm id={person.id} audience={audience} />
      </Dialog>
    </>
  );
}

function ActForm({ id, audience }: { id: string; audience: Audience }) {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({ reason, write: z.boolean() }),
    defaults: { reason: "", write: false },
    fields: ["reason", "write"],
    send: (values, key) => beginImpersonation({ id, minutes: MINUTES, ...values }, key),
    // Another session from here on: the page is loaded anew, so that nothing of the own one stays in memory.
    onDone: () => window.location.assign(areas[audience].home),
    endsSession: true,
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <TextField
        label="Reason"
        hint="The person sees it."
        error={errorOf("reason")}
        {...form.register("reason")}
      />
      <label className="flex items-center gap-2">
        <input type="checkbox" className="size-4" {...form.register("write")} />
        Change things too, not only look
      </label>
      <Submit busy={busy}>Act as this person</Submit>
    </form>
  );
}
