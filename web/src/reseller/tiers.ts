// The tiers on offer, as a reseller explains them to a customer.
import { useRead } from "@/api/client";
import { graphql } from "@/gql";
import type { TiersQuery } from "@/gql/graphql";
import { formatBytes, formatCredits, formatNumber } from "@/lib/format";

const document = graphql(`
  query Tiers($minPosition: String) {
    tiers(minPosition: $minPosition) {
      code
      name
      creditsPerDay
      retired
      uploadBytesMax
      concurrentJobsMax
      models
      workflowsMax
      storageBytesMax
      diarization
      separation
      translationMinutesMax
      audioMinutesMax
      trial {
        days
        audioMinutesPerDay
      }
    }
  }
`);

export type Tier = TiersQuery["tiers"][number];

export function useTiers() {
  return useRead(document, {});
}

function upTo(limit: number | null | undefined, none: string, some: (limit: string) => string) {
  return limit == null ? none : some(formatNumber(limit));
}

/** What a tier allows, a line each. */
export function allows(tier: Tier): string[] {
  const extras = [tier.diarization && "speakers told apart", tier.separation && "music taken away"];
  return [
    `Files up to ${formatBytes(tier.uploadBytesMax)}`,
    tier.storageBytesMax == null
      ? "Any number of recordings"
      : `${formatBytes(tier.storageBytesMax)} of recordings`,
    `${formatNumber(tier.concurrentJobsMax)} jobs at a time`,
    tier.models ? `Models ${tier.models.join(", ")}` : "All models",
    upTo(tier.workflowsMax, "Any number of workflows", (limit) => `${limit} workflows`),
    upTo(tier.audioMinutesMax, "Any amount of speech", (limit) => `${limit} min of speech a month`),
    upTo(
      tier.translationMinutesMax,
      "Translation",
      (limit) => `${limit} min of translation a month`,
    ),
    ...extras.filter((extra) => extra !== false).map(sentence),
    `${formatCredits(tier.creditsPerDay)} a day`,
  ];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
