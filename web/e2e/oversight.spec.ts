// Who looks after others: acting as a customer, reports down to their events, and lists as files.
import { readFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs, signIn } from "./support";

const run = Date.now().toString(36);
const demo = (name: string) => ({ email: `${name}@demo.test`, password: DEMO_PASSWORD });

test("the platform looks with a customer's eyes, and the customer sees that it did", async ({
  browser,
}) => {
  const reason = `Question ${run} about a transcript`;
  const page = await openAs(browser, "admin", demo("admin"));
  await page.getByRole("link", { name: "People", exact: true }).click();
  await page.getByLabel("Search people").fill("customer@demo.test");
  await page.getByRole("button", { name: "Act as Carl Customer" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill(reason);
  await look(page, "admin-act-as");
  await dialog.getByRole("button", { name: "Act as this person" }).click();
  const banner = page.getByRole("status").filter({ hasText: "you act as" });
  await expect(banner).toContainText("Carl Customer");
  await expect(banner).toContainText("may only look");
  await look(page, "portal-acted-as");
  await banner.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("heading", { name: "Resellers" })).toBeVisible();
  await expect(banner).toHaveCount(0);

  await page.getByRole("link", { name: "Audit log" }).click();
  const log = page.getByRole("table", { name: "Audit log" });
  await expect(log.getByRole("row").filter({ hasText: reason })).toBeVisible();
  await look(page, "admin-audit-log");
  await page.context().close();

  const customer = await openAs(browser, "portal", demo("customer"));
  await customer.getByRole("button", { name: /^Account of / }).click();
  await customer.getByRole("menuitem", { name: "Security" }).click();
  await expect(customer.getByRole("dialog").getByText(reason)).toBeVisible();
  await look(customer, "portal-security");
  await customer.context().close();
});

test("a figure of a report leads to its events", async ({ browser }) => {
  const page = await openAs(browser, "reseller", demo("reseller"));
  await page.getByRole("link", { name: "Reports" }).click();
  const figures = page.getByRole("table", { name: "Figures" });
  await expect(figures.getByRole("row", { name: /^Balance change/ })).toBeVisible();
  await page.getByLabel("Report", { exact: true }).selectOption("GROWTH");
  await figures
    .getByRole("button", { name: /^New in / })
    .last()
    .click();
  const events = page.getByRole("table", { name: "Events" });
  await expect(events.getByRole("row").nth(1)).toBeVisible();
  await look(page, "reseller-report");
  const file = await saved(page, "Save report as CSV");
  expect(file.name).toBe("reportValues.zip");
  expect(file.bytes.subarray(0, 2).toString()).toBe("PK");
  await events.getByRole("link", { name: "Show" }).first().click();
  const log = page.getByRole("table", { name: "Audit log" });
  await expect(log.getByRole("row")).toHaveCount(2);
  await expect(log.getByText("TenantCreated")).toBeVisible();
  await look(page, "reseller-audit-log-event");
  await page.getByRole("button", { name: "Show all events" }).click();
  await expect(log.getByRole("row").nth(2)).toBeVisible();
  await page.context().close();
});

test("a customer begins with a trial", async ({ browser }) => {
  const page = await openAs(browser, "reseller", demo("reseller"));
  await page.getByRole("link", { name: "Customers" }).first().click();
  const list = await saved(page, "Save customers as CSV");
  expect(list.bytes.subarray(0, 2).toString()).toBe("PK");
  await page.getByRole("link", { name: "New customer" }).click();
  await page.getByLabel("Customer name").fill(`Trial Waves ${run}`);
  await page.getByRole("radio", { name: "Premium" }).check();
  await page.getByLabel(/Begin with a free trial: 14 days/).check();
  await expect(page.getByText("The trial costs nothing.")).toBeVisible();
  await page.getByLabel("First user's name").fill("Tara Trial");
  await page.getByLabel("First user's e-mail").fill(`tara-${run}@waves.test`);
  await look(page, "reseller-new-trial");
  await page.getByRole("button", { name: "Create customer" }).click();
  await expect(page.getByText(/0 credits were debited/)).toBeVisible();
  const password = await page.getByLabel("Temporary password").inputValue();
  await page.context().close();
  const tara = await (await browser.newContext()).newPage();
  await tara.goto("/portal/sign-in");
  await signIn(tara, { email: `tara-${run}@waves.test`, password });
  await expect(tara.getByRole("link", { name: "Workflows" })).toBeVisible();
  await tara.context().close();
});

/** Clicks a button that saves a file, and reads what the browser saved. */
async function saved(page: Page, button: string): Promise<{ name: string; bytes: Buffer }> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}
