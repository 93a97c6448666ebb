// The own second factor, and where one is signed in.
import { useEffect, useState, useSyncExternalStore } from "react";
import { z } from "zod";
import { useRead } from "@/api/client";
import {
  confirmTotp,
  type Device,
  disableTotp,
  type Enrolment,
  endDevices,
  enrolTotp,
  listDevices,
} from "@/api/commands/account";
import { type Problem, problemOf } from "@/api/problem";
import { session } from "@/api/session";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { graphql } from "@/gql";
import { formatDateTime } from "@/lib/format";
import { useCommand } from "@/lib/use-command";
import { useFormCommand } from "@/lib/use-form-command";

interface SecurityProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function Security({ open, onOpenChange }: SecurityProps) {
  const signedIn = useSyncExternalStore(session.subscribe, session.get);
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Security">
      <div className="space-y-8">
        <SecondFactor />
        <Devices />
        {signedIn && !signedIn.mustEnrolTotp && <ActedAsYou />}
      </div>
    </Dialog>
  );
}

function SecondFactor() {
  const signedIn = useSyncExternalStore(session.subscribe, session.get);
  const [codes, setCodes] = useState<string[]>();
  if (!signedIn) return null;
  return (
    <section aria-labelledby="second-factor" className="space-y-4">
      <h3 id="second-factor" className="font-medium">
        Second factor
      </h3>
      {signedIn.mustEnrolTotp && (
        <Alert>Your role needs a second factor. Nothing else is open before it is on.</Alert>
      )}
      {codes && <RecoveryCodes codes={codes} />}
      {signedIn.user.hasTotp ? <TurnOff /> : <TurnOn onDone={setCodes} />}
    </section>
  );
}

function RecoveryCodes({ codes }: { codes: string[] }) {
  return (
    <Alert tone="good">
      <p>
        It is on. Keep these recovery codes where your device is not: each opens once. They are
        shown <strong>once</strong>.
      </p>
      <ul aria-label="Recovery codes" className="mt-2 grid grid-cols-2 gap-1 font-mono text-xs">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
    </Alert>
  );
}

function TurnOn({ onDone }: { onDone: (codes: string[]) => void }) {
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const [problem, setProblem] = useState<Problem>();
  const begin = () =>
    enrolTotp().then(setEnrolment, (error: unknown) => setProblem(problemOf(error)));
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({ code: z.string().trim().min(6, "Enter the six digits.") }),
    defaults: { code: "" },
    fields: ["code"],
    send: confirmTotp,
    onDone: (answer) => {
      onDone(answer.recoveryCodes);
      void session.restore();
    },
  });
  if (!enrolment) {
    return (
      <>
        {problem && <ProblemAlert problem={problem} />}
        <p className="text-muted">
          A code of your phone's authenticator, asked for after the password.
        </p>
        <Button onClick={begin}>Set up</Button>
      </>
    );
  }
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <p>Scan this with your authenticator, then type the code that it shows.</p>
      <img
        src={`data:image/svg+xml;base64,${btoa(enrolment.qrSvg)}`}
        alt="QR code for the authenticator"
        className="size-48 rounded-lg bg-white p-2"
      />
      <p className="break-all font-mono text-xs" data-testid="totp-secret">
        {enrolment.secret}
      </p>
      <TextField
        label="Code"
        inputMode="numeric"
        autoComplete="one-time-code"
        error={errorOf("code")}
        {...form.register("code")}
      />
      <Submit busy={busy}>Turn on</Submit>
    </form>
  );
}

function TurnOff() {
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({
      password: z.string().min(1, "Enter your password."),
      code: z.string().trim().min(6, "Enter a code."),
    }),
    defaults: { password: "", code: "" },
    fields: ["password", "code"],
    send: disableTotp,
    onDone: () => void session.restore(),
  });
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {banner && <ProblemAlert {...banner} />}
      <p className="text-muted">It is on. To turn it off, show both factors.</p>
      <TextField
        label="Your password"
        type="password"
        autoComplete="current-password"
        error={errorOf("password")}
        {...form.register("password")}
      />
      <TextField
        label="Code"
        autoComplete="one-time-code"
        error={errorOf("code")}
        {...form.register("code")}
      />
      <Submit busy={busy}>Turn off</Submit>
    </form>
  );
}

function Devices() {
  const [devices, setDevices] = useState<Device[]>();
  const [problem, setProblem] = useState<Problem>();
  const command = useCommand(endDevices);
  const load = () =>
    listDevices().then(setDevices, (error: unknown) => setProblem(problemOf(error)));
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the dialog opens
  useEffect(() => {
    void load();
  }, []);
  const end = async (id: string | undefined) => {
    if (await command.run({ id })) await load();
  };
  const shown = problem ?? command.problem;
  return (
    <section aria-labelledby="devices" className="space-y-3">
      <h3 id="devices" className="font-medium">
        Where you are signed in
      </h3>
      {shown && <ProblemAlert problem={shown} />}
      <ul className="space-y-2">
        {devices?.map((device) => (
          <li key={device.id} className="flex items-center justify-between gap-3">
            <span className="min-w-0">
              <span className="block truncate">{device.userAgent ?? "Unknown program"}</span>
              <span className="block text-muted text-xs">
                {device.current ? "This one" : formatDateTime(device.lastSeenAt)}
                {device.address && ` · ${device.address}`}
              </span>
            </span>
            {!device.current && (
              <Button
                variant="secondary"
                onClick={() => end(device.id)}
                disabled={command.busy}
                aria-label={`End the session of ${device.userAgent ?? "an unknown program"}`}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {devices && devices.length > 1 && (
        <Button variant="secondary" onClick={() => end(undefined)} disabled={command.busy}>
          End all others
        </Button>
      )}
    </section>
  );
}

const acted = graphql(`
  query ActedAsMe($minPosition: String) {
    impersonations(first: 5, mine: true, minPosition: $minPosition) {
      nodes {
        id
        byName
        reason
        write
        begunAt
      }
    }
  }
`);

/** Nothing where nobody did. */
function ActedAsYou() {
  const { data } = useRead(acted, {});
  const rows = data?.impersonations.nodes ?? [];
  if (rows.length === 0) return null;
  return (
    <section aria-labelledby="acted" className="space-y-3">
      <h3 id="acted" className="font-medium">
        Who acted as you
      </h3>
      <ul className="space-y-2">
        {rows.map((row) => (
          <li key={row.id}>
            {row.byName ?? "Somebody who looks after you"}: {row.reason}
            <span className="block text-muted text-xs">
              {formatDateTime(row.begunAt)} · {row.write ? "could change things" : "only looked"}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
