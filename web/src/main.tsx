import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, useMemo, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { Provider } from "urql";
import { createReadClient } from "./api/client";
import { tokens } from "./api/http";
import { session } from "./api/session";
import "./app.css";
import { router } from "./router";

// Another user, or none: guards run again and decide where one may be.
session.subscribe(() => {
  tokens.drop();
  void router.invalidate();
});

function App() {
  const user = useSyncExternalStore(session.subscribe, session.get)?.user.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new user gets a new, empty cache
  const client = useMemo(createReadClient, [user]);
  return (
    <Provider value={client}>
      <RouterProvider router={router} />
    </Provider>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
