// What each tier allows, as a reseller explains it to a customer. The server holds the limits.
import type { Tier } from "@/api/commands";

export interface TierOffer {
  tier: Tier;
  name: string;
  allows: string[];
}

export const tierOffers: TierOffer[] = [
  {
    tier: "basic",
    name: "Basic",
    allows: ["Files up to 100 MB", "2 jobs at a time", "Models tiny and base"],
  },
  {
    tier: "premium",
    name: "Premium",
    allows: ["Files up to 500 MB", "5 jobs at a time", "Models up to medium"],
  },
  {
    tier: "enterprise",
    name: "Enterprise",
    allows: ["Files up to 1 GB", "10 jobs at a time", "All models"],
  },
];
