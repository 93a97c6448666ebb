// What the customer's tier allows, as the forms of the portal ask for it.
import { tierName } from "@/components/status";
import { graphql } from "@/gql";
import type { PortalViewerQuery } from "@/gql/graphql";
import { formatDate } from "@/lib/format";

export const viewerDocument = graphql(`
  query PortalViewer {
    viewer {
      id
      entitlement {
        tier
        expiresAt
        uploadBytesMax
        concurrentJobsMax
        models {
          name
          allowed
          installed
        }
      }
    }
  }
`);

export type Entitlement = NonNullable<PortalViewerQuery["viewer"]["entitlement"]>;
export type Model = Entitlement["models"][number];

export function isUsable(model: Model): boolean {
  return model.allowed && model.installed;
}

/** The name of the first model that can be used; empty without any. */
export function firstUsable({ models }: Entitlement): string {
  return models.find(isUsable)?.name ?? "";
}

export function tierSentence({ tier, expiresAt, concurrentJobsMax }: Entitlement): string {
  const until = expiresAt ? ` until ${formatDate(expiresAt)}` : "";
  const name = tier ? tierName(tier) : "No tier";
  return `${name}${until}, ${concurrentJobsMax} jobs at a time.`;
}
