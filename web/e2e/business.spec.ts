// What a reseller does with a subscription and its account, and the platform with an application.
import { randomUUID } from "node:crypto";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs } from "./support";

const run = Date.now().toString(36);
const demo = (name: string) => ({ email: `${name}@demo.test`, password: DEMO_PASSWORD });

test("a subscription is changed, paused, renewed and cancelled", async ({ browser }) => {
  const page = await openAs(browser, "reseller", demo("reseller"));
  const name = `Tidal Radio ${run}`;
  await createCustomer(page, name);
  const card = page.getByRole("main");

  await page.getByRole("button", { name: "Change plan" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("New plan").selectOption({ label: "Enterprise, 1 credit a day" });
  await expect(dialog.getByText(/Enterprise ends on/)).toBeVisible();
  await look(page, "reseller-change-plan");
  await dialog.getByRole("button", { name: "Change plan" }).click();
  await expect(card.getByRole("definition").filter({ hasText: "Enterprise" })).toBeVisible();

  await page.getByRole("button", { name: "Pause" }).click();
  await dialog.getByLabel("Reason").fill("Summer break");
  await dialog.getByRole("button", { name: "Pause subscription" }).click();
  await expect(card.getByText("Paused", { exact: true })).toBeVisible();
  await expect(card.getByText(/^Paused since .* its time stands still\./)).toBeVisible();
  await look(page, "reseller-customer-paused");
  await page.getByRole("button", { name: "Resume subscription" }).click();
  await dialog.getByLabel("Reason").fill("Back from the break");
  await dialog.getByRole("button", { name: "Resume subscription" }).click();
  await expect(card.getByText("Active", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Renewal" }).click();
  await dialog.getByLabel("Days of each renewal").fill("30");
  await dialog.getByRole("button", { name: "Save renewal" }).click();
  await expect(card.getByText("It renews itself by 30 days.")).toBeVisible();

  await page.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByLabel("When").selectOption("now");
  await dialog.getByLabel("Reason").fill("Closed down");
  await look(page, "reseller-cancel-subscription");
  await dialog.getByRole("button", { name: "Cancel subscription" }).click();
  await expect(dialog.getByText(/29 credits came back/)).toBeVisible();
  await dialog.getByRole("button", { name: "Close", exact: true }).first().click();
  await expect(card.getByText(/^Cancelled on /)).toBeVisible();
  await expect(card.getByText("Expired", { exact: true })).toBeVisible();
  await look(page, "reseller-customer-cancelled");
  await page.context().close();
});

test("a reseller says at which balance it wants to be told", async ({ browser }) => {
  const page = await openAs(browser, "reseller", demo("reseller"));
  await page.getByRole("link", { name: "Credits", exact: true }).click();
  await page.getByRole("button", { name: "Set alerts" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Thresholds in credits").fill("many");
  await dialog.getByRole("button", { name: "Save alerts" }).click();
  await expect(dialog.getByText("Enter whole numbers, for example 500, 100.")).toBeVisible();
  await dialog.getByLabel("Thresholds in credits").fill("200, 50");
  await dialog.getByRole("button", { name: "Save alerts" }).click();
  await expect(page.getByText("Raised when the balance comes down to 50 or 200.")).toBeVisible();
  await look(page, "reseller-credit-alerts");
  await page.context().close();
});

test("credits that a shop holds are given free again", async ({ browser }) => {
  const page = await openAs(browser, "reseller", demo("reseller"));
  await expect(page.getByRole("heading", { name: "Dashboard" })).toBeVisible();
  const note = `Order ${run}`;
  await reserve(page, note);
  await page.getByRole("link", { name: "Credits", exact: true }).click();
  const row = page.getByRole("row").filter({ hasText: note });
  await look(page, "reseller-reservations");
  await row.getByRole("button", { name: "Release" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("3 credits go back to the balance.")).toBeVisible();
  await dialog.getByLabel("Comment").fill("The buyer went away");
  await look(page, "reseller-release");
  await dialog.getByRole("button", { name: "Release credits" }).click();
  await expect(dialog).toBeHidden();
  await expect(row.getByRole("button", { name: "Release" })).toHaveCount(0);
  await page.context().close();
});

test("a business applies, is approved, and gets credits from another reseller", async ({
  browser,
}) => {
  const name = `West Audio ${run}`;
  const page = await openAs(browser, "admin", demo("admin"));
  await apply(browser, name);
  await page.getByLabel("Search resellers").fill(name);
  await page.getByRole("link", { name }).click();
  await page.getByRole("button", { name: "Approve" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Commission in percent").fill("25");
  await dialog.getByLabel("Reason").fill("Known business");
  await look(page, "admin-approve");
  await dialog.getByRole("button", { name: "Approve application" }).click();
  await expect(page.getByText("Active", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Credit line" }).click();
  await dialog.getByLabel("Credits").fill("50");
  await dialog.getByLabel("Reason").fill("Pays by the month");
  await dialog.getByRole("button", { name: "Save credit line" }).click();
  await expect(stat(page, "Credit line")).toContainText("50");

  await page.getByRole("link", { name: "Resellers" }).first().click();
  await page.getByLabel("Search resellers").fill("");
  await page.getByRole("link", { name: "Demo Reseller" }).click();
  await page.getByRole("button", { name: "Transfer credits" }).click();
  await dialog.getByLabel("Search who gets them").fill(name);
  await dialog.getByLabel("To").selectOption({ label: name });
  await dialog.getByLabel("Credits").fill("20");
  await dialog.getByLabel("Note").fill("To begin with");
  await look(page, "admin-transfer");
  await dialog.getByRole("button", { name: "Transfer credits" }).click();
  await expect(page.getByText("To begin with").first()).toBeVisible();
  await look(page, "admin-reseller-credits");

  await page.getByRole("link", { name: "Resellers" }).first().click();
  await page.getByLabel("Search resellers").fill(name);
  await page.getByRole("link", { name }).click();
  await expect(stat(page, "Available")).toContainText("20");
  await page.context().close();
});

/** A figure with what it says. */
function stat(page: Page, label: string) {
  return page.locator("dl > div").filter({ has: page.getByText(label, { exact: true }) });
}

async function createCustomer(page: Page, name: string): Promise<void> {
  await page.getByRole("link", { name: "Customers" }).first().click();
  await page.getByRole("link", { name: "New customer" }).click();
  await page.getByLabel("Customer name").fill(name);
  await page.getByRole("radio", { name: "Premium" }).check();
  await page.getByLabel("First user's name").fill("Tina Tide");
  await page.getByLabel("First user's e-mail").fill(`tina-${run}@tidal.test`);
  await page.getByRole("button", { name: "Create customer" }).click();
  await expect(page.getByLabel("Temporary password")).toBeVisible();
  await page.getByRole("link", { name: "Customers" }).first().click();
  await page.getByLabel("Search customers").fill(name);
  await page.getByRole("link", { name }).click();
}

/** As a reseller's shop does while a buyer pays. */
async function reserve(page: Page, note: string): Promise<void> {
  const session = await (await page.request.get("/api/auth/session")).json();
  const sent = await page.request.post("/api/reseller/credits/reservations", {
    headers: { "x-csrf-token": session.csrfToken, "idempotency-key": randomUUID() },
    data: { credits: 3, expiresAt: new Date(Date.now() + 3_600_000).toISOString(), note },
  });
  expect(sent.status(), await sent.text()).toBe(201);
}

/** As the business' own website would send it. */
async function apply(browser: Browser, name: string): Promise<void> {
  const context = await browser.newContext();
  const sent = await context.request.post("/api/onboarding/applications", {
    headers: { "Idempotency-Key": randomUUID() },
    data: {
      name,
      contactPerson: "Wim West",
      email: `wim-${run}@west.test`,
      timeZone: "Europe/Berlin",
      password: "a long enough password",
    },
  });
  expect(sent.status()).toBe(202);
  await context.close();
}
