// The read side: one urql client per signed-in user, and the hook that pages read with.
import { useState, useSyncExternalStore } from "react";
import {
  type AnyVariables,
  type CombinedError,
  cacheExchange,
  createClient,
  fetchExchange,
  type TypedDocumentNode,
  useQuery,
} from "urql";
import { useRepeat } from "@/lib/use-repeat";
import { authorizedFetch } from "./http";
import { lastPosition, onPosition } from "./position";
import { unreachable } from "./problem";

/** A fresh cache; made anew at every sign-in, so that nobody sees another one's rows. */
export function createReadClient() {
  return createClient({
    url: "/graphql",
    exchanges: [cacheExchange, fetchExchange],
    fetch: authorizedFetch,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
  });
}

/** Pause before a read that came too early for this tab's last command is tried again. */
const BEHIND_PAUSE_MS = 1_000;
/** Tries after which the page says that the figures are behind. */
const BEHIND_TRIES_MAX = 20;

export interface Reading<Data> {
  data: Data | undefined;
  /** A sentence, when there is nothing to show. */
  error: string | undefined;
  /** Name of the permission that the signed-in one's reseller lacks for this, when that is why. */
  denied: string | undefined;
  loading: boolean;
  retry: () => void;
}

/**
 * Reads with the position of this tab's last command, so the answer includes it.
 *
 * The data of the reading before stays while the next page is on its way. Where the read tables are
 * behind that command, the reading goes on loading and is tried again.
 */
export function useRead<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  pause = false,
): Reading<Data> {
  const minPosition = useSyncExternalStore(onPosition, lastPosition);
  const [result, run] = useQuery<Data, AnyVariables>({
    query: document,
    variables: minPosition === undefined ? variables : { ...variables, minPosition },
    pause,
  });
  const retry = () => run({ requestPolicy: "network-only" });

  const [tries, setTries] = useState(0);
  const behind = result.error !== undefined && isBehind(result.error);
  if (!behind && !result.fetching && tries > 0) setTries(0);
  const waiting = behind && tries < BEHIND_TRIES_MAX;
  useRepeat(waiting, BEHIND_PAUSE_MS, () => {
    setTries((count) => count + 1);
    retry();
  });

  return {
    data: result.error ? undefined : result.data,
    error: result.error && !waiting ? readError(result.error) : undefined,
    denied: result.error && deniedBy(result.error),
    loading: result.fetching || result.stale || waiting,
    retry,
  };
}

function isBehind(error: CombinedError): boolean {
  return error.graphQLErrors.some((entry) => entry.extensions.code === "STALE_POSITION");
}

function deniedBy(error: CombinedError): string | undefined {
  const denial = error.graphQLErrors.find(
    ({ extensions }) => extensions.code === "PERMISSION_DENIED",
  );
  return denial && String(denial.extensions.permission);
}

/** What went wrong with a query, without the library's prefixes. */
function readError(error: CombinedError): string {
  const first = error.graphQLErrors[0];
  if (first) return first.message;
  return error.networkError?.message.startsWith("Failed to fetch") || !error.networkError
    ? unreachable.detail
    : error.networkError.message;
}
