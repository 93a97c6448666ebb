// What resellers are permitted: the reading that several pages share.
import { graphql } from "@/gql";
import type { ResellerPermissionsQuery } from "@/gql/graphql";
import { formatDateTime } from "./format";

export const templatesDocument = graphql(`
  query PermissionTemplates($minPosition: String) {
    permissionTemplates(minPosition: $minPosition) {
      code
      version
      name
      permissions
      current
      publishedAt
    }
  }
`);

export const permissionsDocument = graphql(`
  query ResellerPermissions($id: ID!, $minPosition: String) {
    reseller(id: $id, minPosition: $minPosition) {
      id
      permissions {
        name
        meaning
        value
        origin {
          kind
          resellerId
          templateCode
          templateVersion
          overriddenBy
          assignedBy
          at
          reason
        }
      }
    }
  }
`);

export type Permission = NonNullable<ResellerPermissionsQuery["reseller"]>["permissions"][number];

/** What a value comes from, in words. */
export function originText({ origin }: Permission, resellerId: string): string {
  const whose = origin.resellerId && origin.resellerId !== resellerId ? " of a reseller above" : "";
  const by = origin.overriddenBy ?? origin.assignedBy;
  const parts = [by, origin.at && formatDateTime(origin.at), origin.reason].filter(Boolean);
  const how = parts.length > 0 ? ` (${parts.join(", ")})` : "";
  switch (origin.kind) {
    case "UNASSIGNED":
      return "No template: everything is permitted";
    case "TEMPLATE":
      return `Template ${origin.templateCode}, version ${origin.templateVersion}${whose}${how}`;
    case "OVERRIDE":
      return `Exception${whose}${how}`;
    case "ABOVE":
      return "A reseller above";
  }
}
