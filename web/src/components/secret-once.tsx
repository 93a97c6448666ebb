import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Alert } from "./ui/alert";
import { Button } from "./ui/button";
import { Input } from "./ui/input";

interface SecretOnceProps {
  kind: Kind;
  /** Whose secret it is. */
  email: string;
  /** Missing when an earlier try was carried out and only its answer got lost. */
  secret: string | undefined;
}

type Kind = "password" | "link";

const labels: Record<Kind, string> = { password: "Temporary password", link: "Invitation link" };

/** A temporary password or a link; nobody, the server included, can show it a second time. */
export function SecretOnce({ kind, email, secret }: SecretOnceProps) {
  if (secret === undefined) {
    return (
      <Alert>
        An earlier try had been carried out, only its answer got lost, and with it the {kind} of{" "}
        {email}. It cannot be shown again.
      </Alert>
    );
  }
  return <Secret kind={kind} email={email} secret={secret} />;
}

function Secret({ kind, email, secret }: { kind: Kind; email: string; secret: string }) {
  const [copied, setCopied] = useState<boolean>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      setCopied(true);
    } catch {
      // No permission, or plain http: the field can be selected by hand.
      setCopied(false);
    }
  };
  return (
    <div className="space-y-3">
      <Alert tone="info">
        This {kind} is shown <strong>once</strong>. Pass it on to {email} in private.
      </Alert>
      <div className="flex gap-2">
        <Input
          readOnly
          aria-label={labels[kind]}
          value={secret}
          className="font-mono"
          onFocus={(event) => event.target.select()}
        />
        <Button variant="secondary" onClick={copy} aria-label={`Copy ${kind}`}>
          {copied ? <Check aria-hidden /> : <Copy aria-hidden />} Copy
        </Button>
      </div>
      <p role="status" className="text-muted text-xs">
        {copied === true && "Copied."}
        {copied === false && "The browser did not allow copying: select it by hand."}
      </p>
    </div>
  );
}
