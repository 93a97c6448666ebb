// A customer's workflow: saved, refused, edited, run on a recording, removed.
import { expect, type Page, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs } from "./support";

const run = Date.now().toString(36);
const first = `Interviews ${run}`;
const second = `Interviews in English ${run}`;

test("a workflow is saved, edited, run and removed", async ({ browser }) => {
  const person = { email: "customer@demo.test", password: DEMO_PASSWORD };
  const page = await openAs(browser, "portal", person);
  await page.getByRole("link", { name: "Workflows", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Workflows", exact: true })).toBeVisible();

  await test.step("a form without a name is not sent", () => nameless(page));
  await test.step("a graph that cannot be run is refused in the server's words", () =>
    refuseGraph(page));
  await test.step("it is saved as version 1 and edited as version 2", () => saveTwice(page));
  await test.step("it runs on a sample recording", () => runIt(page));
  await test.step("it is removed", () => removeIt(page));
  await page.context().close();
});

test("one workflow too many is refused in the server's words", async ({ browser }) => {
  const person = { email: "customer@demo.test", password: DEMO_PASSWORD };
  const page = await openAs(browser, "portal", person);
  await expect(page.getByRole("heading", { name: "Transcriptions", exact: true })).toBeVisible();
  const filled: string[] = [];
  try {
    await fillUp(page, filled);
    await page.getByRole("link", { name: "Workflows", exact: true }).click();
    await page.getByRole("link", { name: "New workflow" }).click();
    await page.getByLabel("Name").fill(first);
    await page.getByRole("button", { name: "Save workflow" }).click();
    await expect(page.getByRole("alert")).toContainText(
      "the premium tier allows 20 workflows and you have 20: remove one, or ask your reseller for a higher tier",
      { ignoreCase: true },
    );
    await expect(page.getByRole("alert")).toContainText("TOO_MANY_WORKFLOWS");
    await look(page, "portal-workflow-too-many");
  } finally {
    for (const id of filled) await command(page, "DELETE", `/api/workflows/${id}`);
  }
  await page.context().close();
});

/** Sends a command with the session of the page. */
async function command(page: Page, method: string, path: string, data?: unknown) {
  const session = await (await page.request.get("/api/auth/session")).json();
  const headers = { "x-csrf-token": session.csrfToken, "idempotency-key": crypto.randomUUID() };
  const answer = await page.request.fetch(path, { method, headers, data });
  return { status: answer.status(), body: await answer.json() };
}

/** Saves workflows until the tier, which allows 20, is full; notes their ids. */
async function fillUp(page: Page, ids: string[]): Promise<void> {
  const node = (type: string, data = {}) => ({ id: type, type, data });
  const edge = (source: string, target: string) => ({ id: `${source}-${target}`, source, target });
  const graph = {
    nodes: [
      node("recording"),
      node("transcription", { model: "small", task: "transcribe" }),
      node("transcript"),
    ],
    edges: [edge("recording", "transcription"), edge("transcription", "transcript")],
  };
  while (ids.length <= 20) {
    const name = `Filler ${run} ${ids.length + 1}`;
    const { status, body } = await command(page, "POST", "/api/workflows", { name, graph });
    if (status !== 201) {
      expect(body.code).toBe("TOO_MANY_WORKFLOWS");
      return;
    }
    ids.push(body.workflowId);
  }
  throw new Error("the tier allows more than 20 workflows");
}

async function nameless(page: Page) {
  await page.getByRole("link", { name: "New workflow" }).first().click();
  await expect(page.getByRole("heading", { name: "New workflow" })).toBeVisible();
  await expect(page.getByLabel("Model").getByRole("option", { name: "(not" })).not.toHaveCount(0);
  await page.getByRole("button", { name: "Save workflow" }).click();
  await expect(page.getByText("Enter a name, for example Interviews.")).toBeVisible();
  await look(page, "portal-workflow-new");
}

/** Cuts an edge on its way: the form itself draws no such graph. */
async function refuseGraph(page: Page) {
  await page.getByLabel("Name").fill(first);
  await page.route("**/api/workflows", (route) => {
    const body = route.request().postDataJSON();
    const edges = body.graph.edges.slice(1);
    return route.continue({ postData: { ...body, graph: { ...body.graph, edges } } });
  });
  await page.getByRole("button", { name: "Save workflow" }).click();
  await expect(page.getByRole("alert")).toContainText(
    "no edge leads from the recording node to the transcription node: connect them",
  );
  await expect(page.getByRole("alert")).toContainText("INVALID_GRAPH");
  await expect(page.getByLabel("Name")).toHaveValue(first);
  await look(page, "portal-workflow-refused");
  await page.unroute("**/api/workflows");
}

async function saveTwice(page: Page) {
  await page.getByRole("button", { name: "Save workflow" }).click();
  const row = page.getByRole("row").filter({ hasText: run });
  await expect(row.getByRole("cell").nth(0)).toHaveText(first);
  await expect(row.getByRole("cell").nth(1)).toContainText("1");
  await expect(row.getByRole("cell").nth(3)).toContainText("Detected");

  await row.getByRole("link", { name: `Edit ${first}` }).click();
  await expect(page.getByText("What you save becomes version 2.")).toBeVisible();
  await expect(page.getByLabel("Name")).toHaveValue(first);
  await page.getByLabel("Name").fill(second);
  await page.getByLabel("Language").selectOption({ label: "English" });
  await look(page, "portal-workflow-edit");
  await page.getByRole("button", { name: "Save workflow" }).click();
  await expect(row.getByRole("cell").nth(0)).toHaveText(second);
  await expect(row.getByRole("cell").nth(1)).toContainText("2");
  await expect(row.getByRole("cell").nth(3)).toContainText("English");
  await look(page, "portal-workflows");
}

async function runIt(page: Page) {
  await page.getByRole("link", { name: `Run ${second}` }).click();
  const choice = page.getByLabel("Workflow");
  await expect(choice.getByRole("option", { name: second })).toHaveJSProperty("selected", true);
  await choice.selectOption({ label: "None" });
  for (const label of ["Model", "Language", "Task"]) {
    await expect(page.getByLabel(label)).toBeVisible();
  }
  await choice.selectOption({ label: second });
  await expect(
    page.getByText(/^Version 2: model \S+, English, write what is said\.$/),
  ).toBeVisible();
  for (const label of ["Model", "Language", "Task"]) {
    await expect(page.getByLabel(label)).toHaveCount(0);
  }
  await page.getByRole("button", { name: "Try speech-2.wav" }).click();
  await expect(page.getByRole("status").filter({ hasText: "speech-2.wav" })).toContainText("ready");
  await look(page, "portal-new-by-workflow");
  const asked = page.waitForRequest(/\/api\/(workflows\/[^/]+\/)?jobs$/);
  await page.getByRole("button", { name: "Start transcription" }).click();
  expect(new URL((await asked).url()).pathname).toMatch(/^\/api\/workflows\/[^/]+\/jobs$/);
  await expect(page.getByRole("heading", { name: "Transcript", exact: true })).toBeVisible({
    timeout: 120_000,
  });
  await expect(
    page.getByRole("list", { name: "Segments" }).getByRole("listitem").first(),
  ).toContainText("start timer thirty minutes");
}

async function removeIt(page: Page) {
  await page.getByRole("link", { name: "Workflows", exact: true }).click();
  await page.getByRole("button", { name: `Remove ${second}` }).click();
  const dialog = page.getByRole("dialog", { name: `Remove ${second}?` });
  await expect(dialog).toBeVisible();
  await look(page, "portal-workflow-remove");
  await dialog.getByRole("button", { name: "Remove workflow" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("row").filter({ hasText: run })).toHaveCount(0);
}
