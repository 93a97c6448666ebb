// GraphQL over WebSocket. One socket per page load, opened when the first subscription needs it.
import { print } from "graphql";
import { type Client, CloseCode, createClient } from "graphql-ws";
import type { TypedDocumentNode } from "urql";
import { tokens } from "./http";

let client: Client | undefined;

function updatesClient(): Client {
  client ??= createClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    connectionParams: async () => ({ authorization: `Bearer ${await tokens.get()}` }),
    lazy: true,
    // A repeated attempt must ask with a newer sequence, which only the caller knows.
    retryAttempts: 0,
  });
  return client;
}

/** Close codes that say: this token is not (or no longer) good. */
const tokenRefusals: readonly number[] = [CloseCode.Unauthorized, CloseCode.Forbidden];

export interface UpdatesSink<Data> {
  next: (data: Data) => void;
  /** `dropped`: the connection broke, or the server ended the subscription with an error. */
  end: (ending: "complete" | "dropped") => void;
}

/** Subscribes once, without any retry; answers the function that closes the subscription. */
export function subscribe<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  sink: UpdatesSink<Data>,
): () => void {
  return updatesClient().subscribe<Data>(
    { query: print(document), variables },
    {
      next: (result) => {
        if (result.data) sink.next(result.data);
        if (result.errors) sink.end("dropped");
      },
      error: (reason) => {
        if (reason instanceof CloseEvent && tokenRefusals.includes(reason.code)) tokens.drop();
        sink.end("dropped");
      },
      complete: () => sink.end("complete"),
    },
  );
}
