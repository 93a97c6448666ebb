// Where the links of invitations and password resets lead. The secret stands behind the #, which no server sees.
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";
import { acceptInvitation, completeReset, requestReset } from "@/api/commands/account";
import { type Problem, problemOf } from "@/api/problem";
import type { Audience } from "@/api/session";
import { areas } from "@/areas";
import { Brand } from "@/components/brand";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { TextField } from "@/components/text-field";
import { Alert } from "@/components/ui/alert";
import { useFormCommand } from "@/lib/use-form-command";
import { name } from "@/lib/validation";

const password = z
  .string()
  .min(10, "Use at least 10 characters; a sentence is easy to keep in mind.");

function secret(): string {
  return window.location.hash.slice(1);
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <title>{`${title} · Stentor`}</title>
      <div className="w-full max-w-sm rounded-2xl border border-line bg-surface p-6 shadow-sm sm:p-8">
        <Brand />
        <h1 className="mt-6 mb-4 font-semibold text-xl tracking-tight">{title}</h1>
        {children}
      </div>
    </main>
  );
}

function Opened({ audience, children }: { audience: Audience; children: ReactNode }) {
  return (
    <div className="space-y-4">
      <Alert tone="good">{children}</Alert>
      <Link to={areas[audience].signIn} className="text-accent-text underline">
        Sign in
      </Link>
    </div>
  );
}

export function InvitationPage() {
  const [audience, setAudience] = useState<Audience>();
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({ name: name("Enter your name."), password }),
    defaults: { name: "", password: "" },
    fields: ["name", "password"],
    send: (values) => acceptInvitation({ token: secret(), ...values }),
    onDone: (answer) => setAudience(answer.audience),
  });
  return (
    <Frame title="Accept the invitation">
      {audience ? (
        <Opened audience={audience}>Welcome. Your account is ready.</Opened>
      ) : (
        <form onSubmit={submit} noValidate className="space-y-4">
          {banner && <ProblemAlert {...banner} />}
          <TextField
            label="Your name"
            autoComplete="name"
            error={errorOf("name")}
            {...form.register("name")}
          />
          <TextField
            label="Password"
            type="password"
            autoComplete="new-password"
            error={errorOf("password")}
            {...form.register("password")}
          />
          <Submit busy={busy} className="w-full">
            Join
          </Submit>
        </form>
      )}
    </Frame>
  );
}

export function PasswordResetPage() {
  const [audience, setAudience] = useState<Audience>();
  const { form, submit, errorOf, banner, busy } = useFormCommand({
    schema: z.object({ password }),
    defaults: { password: "" },
    fields: ["password"],
    send: (values) => completeReset({ token: secret(), ...values }),
    onDone: (answer) => setAudience(answer.audience),
  });
  return (
    <Frame title="Choose a new password">
      {audience ? (
        <Opened audience={audience}>The new password holds. Every session was ended.</Opened>
      ) : (
        <form onSubmit={submit} noValidate className="space-y-4">
          {banner && <ProblemAlert {...banner} />}
          <TextField
            label="New password"
            type="password"
            autoComplete="new-password"
            error={errorOf("password")}
            {...form.register("password")}
          />
          <Submit busy={busy} className="w-full">
            Set password
          </Submit>
        </form>
      )}
    </Frame>
  );
}

export function ForgotPasswordPage() {
  const form = useForm({ defaultValues: { email: "" } });
  const [sent, setSent] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = form.handleSubmit(async (values) => {
    try {
      setProblem(undefined);
      await requestReset(values);
      setSent(true);
    } catch (error) {
      setProblem(problemOf(error));
    }
  });
  return (
    <Frame title="Forgot the password?">
      {sent ? (
        <Alert tone="good">
          If somebody has this address, a link is on its way. If none comes, ask an admin of your
          organisation for one.
        </Alert>
      ) : (
        <form onSubmit={submit} noValidate className="space-y-4">
          {problem && <ProblemAlert problem={problem} />}
          <TextField
            label="E-mail address"
            type="email"
            autoComplete="username"
            error={form.formState.errors.email?.message}
            {...form.register("email", { required: "Enter your e-mail address." })}
          />
          <Submit busy={form.formState.isSubmitting} className="w-full">
            Send a link
          </Submit>
        </form>
      )}
    </Frame>
  );
}
