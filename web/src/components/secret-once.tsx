import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Alert } from "./ui/alert";
import { Button } from "./ui/button";
import { Input } from "./ui/input";

interface SecretOnceProps {
  /** Whose password it is. */
  email: string;
  /** Missing when an earlier try was carried out and only its answer got lost. */
  password: string | undefined;
}

/** A temporary password; nobody, the server included, can show it a second time. */
export function SecretOnce({ email, password }: SecretOnceProps) {
  if (password === undefined) {
    return (
      <Alert>
        An earlier try had been carried out, only its answer got lost, and with it the temporary
        password of {email}. It cannot be shown again.
      </Alert>
    );
  }
  return <Secret email={email} password={password} />;
}

function Secret({ email, password }: { email: string; password: string }) {
  const [copied, setCopied] = useState<boolean>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(password);
      setCopied(true);
    } catch {
      // No permission, or plain http: the field can be selected by hand.
      setCopied(false);
    }
  };
  return (
    <div className="space-y-3">
      <Alert tone="info">
        This password is shown <strong>once</strong>. Pass it on to {email} in private.
      </Alert>
      <div className="flex gap-2">
        <Input
          readOnly
          aria-label="Temporary password"
          value={password}
          className="font-mono"
          onFocus={(event) => event.target.select()}
        />
        <Button variant="secondary" onClick={copy} aria-label="Copy password">
          {copied ? <Check aria-hidden /> : <Copy aria-hidden />} Copy
        </Button>
      </div>
      <p role="status" className="text-muted text-xs">
        {copied === true && "Copied."}
        {copied === false && "The browser did not allow copying: select the password by hand."}
      </p>
    </div>
  );
}
