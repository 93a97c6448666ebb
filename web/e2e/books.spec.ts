// The books: the ledger on both axes of time, its postings, and the months that are closed.
import { expect, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs } from "./support";

const admin = { email: "admin@demo.test", password: DEMO_PASSWORD };

test("the ledger adds up, now and before anything was sold", async ({ browser }) => {
  const page = await openAs(browser, "admin", admin);
  await page.getByRole("link", { name: "Ledger", exact: true }).click();
  const lines = page.getByRole("table", { name: "Trial balance" });
  await expect(lines.getByRole("cell", { name: "Credits sold" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Postings" })).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await look(page, "admin-ledger");

  await page.getByLabel("What had happened by").fill("2020-01-01T00:00");
  await expect(page.getByText("No entries yet")).toBeVisible();
  await expect(page.getByText("No postings")).toBeVisible();
  await look(page, "admin-ledger-before");
  await page.getByLabel("What had happened by").fill("");
  await expect(lines.getByRole("cell", { name: "Credits sold" })).toBeVisible();
  await page.context().close();
});

test("a month that is not over cannot be closed, and the server says so", async ({ browser }) => {
  const page = await openAs(browser, "admin", admin);
  await page.getByRole("link", { name: "Periods", exact: true }).click();
  await expect(page.getByText(/^\d{4}-\d{2} can be closed from /)).toBeVisible();
  await look(page, "admin-periods");

  // Only a server whose clock is ahead offers it; what is asked of it is then refused by the rules.
  await page.route("**/graphql", async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({ response, body: text.replace('"closable":false', '"closable":true') });
  });
  await page.reload();
  await page.getByRole("button", { name: /^Close \d{4}-\d{2}$/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /for good$/ }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await look(page, "admin-close-period");
  await page.context().close();
});

test("the platform sees how the proof of the log stands", async ({ browser }) => {
  const page = await openAs(browser, "admin", admin);
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  await expect(page.getByText("Nothing is known to be wrong")).toBeVisible();
  await expect(page.getByText("Head of the chain")).toBeVisible();
  await expect(page.getByText(/^[0-9a-f]{64}$/).first()).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await look(page, "admin-audit");
  await page.context().close();
});
