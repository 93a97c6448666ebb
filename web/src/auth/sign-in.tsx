import { Link, useRouter, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { type Problem, problemOf } from "@/api/problem";
import { type Audience, session } from "@/api/session";
import { safeNext } from "@/areas";
import { Brand } from "@/components/brand";
import { Field } from "@/components/field";
import { ProblemAlert } from "@/components/problem-alert";
import { Submit } from "@/components/submit";
import { Input } from "@/components/ui/input";

const audienceTitles: Record<Audience, string> = {
  admin: "Platform administration",
  reseller: "Reseller area",
  portal: "Customer portal",
};

interface Credentials {
  email: string;
  password: string;
  code: string;
}

/** The password was right, and the account wants a code too. */
const secondFactor = ["SECOND_FACTOR_REQUIRED", "SECOND_FACTOR_WRONG"];

export function SignInPage({ audience }: { audience: Audience | undefined }) {
  const router = useRouter();
  const { next } = useSearch({ strict: false }) as { next?: string };
  const form = useForm<Credentials>({
    defaultValues: { email: "", password: "", code: "" },
  });
  const [problem, setProblem] = useState<Problem>();
  const [asked, setAsked] = useState(false);
  const { errors, isSubmitting } = form.formState;

  const submit = form.handleSubmit(async (values) => {
    setProblem(undefined);
    try {
      const { code, ...credentials } = values;
      const signedIn = await session.signIn({ ...credentials, ...(asked && { code }), audience });
      if (signedIn) router.history.replace(safeNext(next, signedIn.user.audience));
    } catch (error) {
      const refusal = problemOf(error);
      if (secondFactor.includes(refusal.code)) {
        setAsked(true);
        form.setValue("code", "");
        if (refusal.code === "SECOND_FACTOR_WRONG") setProblem(refusal);
        return;
      }
      setProblem(refusal);
      form.setValue("password", "");
      form.setFocus("password");
    }
  });

  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <title>Sign in · Stentor</title>
      <div className="w-full max-w-sm rounded-2xl border border-line bg-surface p-6 shadow-sm sm:p-8">
        <Brand />
        <h1 className="mt-6 font-semibold text-xl tracking-tight">Sign in</h1>
        <p className="mt-1 text-muted">
          {audience ? audienceTitles[audience] : "With your e-mail address and password."}
        </p>
        <form onSubmit={submit} noValidate className="mt-6 space-y-4">
          {problem && <ProblemAlert problem={problem} />}
          <Field label="E-mail address" error={errors.email?.message}>
            {(control) => (
              <Input
                {...control}
                {...form.register("email", { required: "Enter your e-mail address." })}
                type="email"
                autoComplete="username"
                autoFocus
              />
            )}
          </Field>
          <Field label="Password" error={errors.password?.message}>
            {(control) => (
              <Input
                {...control}
                {...form.register("password", { required: "Enter your password." })}
                type="password"
                autoComplete="current-password"
              />
            )}
          </Field>
          {asked && (
            <Field label="Code" hint="Of your device, or one of your recovery codes.">
              {(control) => (
                <Input
                  {...control}
                  {...form.register("code")}
                  inputMode="text"
                  autoComplete="one-time-code"
                  autoFocus
                />
              )}
            </Field>
          )}
          <Submit busy={isSubmitting} className="w-full">
            Sign in
          </Submit>
        </form>
        <p className="mt-4 text-center">
          <Link to="/forgot-password" className="text-accent-text underline">
            Forgot the password?
          </Link>
        </p>
      </div>
    </main>
  );
}
