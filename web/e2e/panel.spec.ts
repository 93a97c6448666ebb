// What holds for every page: a phone's menu, the dark scheme, signing out, and coming back.
import { expect, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs, signIn } from "./support";

const reseller = { email: "reseller@demo.test", password: DEMO_PASSWORD };

test("a phone has the navigation behind a menu button", async ({ browser }) => {
  const page = await openAs(browser, "reseller", reseller);
  await expect(page.getByRole("heading", { name: "Dashboard" })).toBeVisible();
  await page.setViewportSize({ width: 375, height: 812 });
  await expect(page.getByRole("link", { name: "Credits", exact: true })).toBeHidden();
  await page.getByRole("button", { name: "Open menu" }).click();
  await page.getByRole("dialog").getByRole("link", { name: "Credits", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Credits", exact: true })).toBeVisible();
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.context().close();
});

test("the dark scheme is readable", async ({ browser }) => {
  const page = await openAs(browser, "reseller", reseller);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expect(page.getByRole("heading", { name: "Last transactions" })).toBeVisible();
  await look(page, "dark-reseller-dashboard");
  await page.goto("/reseller/customers/new");
  await expect(page.getByRole("status", { name: "Cost" })).toBeVisible();
  await look(page, "dark-reseller-new-customer");
  await page.context().close();
});

test("a page asked for without a session comes up after the sign-in", async ({ page }) => {
  await page.goto("/reseller/credits");
  await expect(page).toHaveURL(/\/reseller\/sign-in/);
  await look(page, "sign-in");
  await signIn(page, reseller);
  await expect(page.getByRole("heading", { name: "Credits", exact: true })).toBeVisible();

  // The session outlives a reload, and ends for good with the sign-out.
  await page.reload();
  await expect(page.getByRole("heading", { name: "Credits", exact: true })).toBeVisible();
  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/reseller\/sign-in/);
  await page.goto("/reseller");
  await expect(page).toHaveURL(/\/reseller\/sign-in/);
});

test("a new password holds, and ends the session", async ({ browser }) => {
  const admin = { email: "admin@demo.test", password: DEMO_PASSWORD };
  const page = await openAs(browser, "admin", admin);
  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Change password" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Current password").fill("not the password");
  await dialog.getByLabel("New password").fill("short");
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog.getByText(/at least 10 characters/)).toBeVisible();
  await dialog.getByLabel("New password").fill(DEMO_PASSWORD);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("Current password").fill(DEMO_PASSWORD);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await dialog.getByRole("button", { name: "Sign in again" }).click();
  await expect(page).toHaveURL(/\/admin\/sign-in/);
  await signIn(page, admin);
  await expect(page.getByRole("heading", { name: "Resellers" })).toBeVisible();
  await page.context().close();
});

test("a list that cannot be read says so and is read again on demand", async ({ browser }) => {
  const page = await openAs(browser, "reseller", reseller);
  await expect(page.getByRole("heading", { name: "Last transactions" })).toBeVisible();
  await page.route("**/graphql", (route) => route.abort());
  await page.getByRole("link", { name: "Customers", exact: true }).click();
  await expect(page.getByText("This could not be loaded")).toBeVisible();
  await look(page, "list-failed");
  await page.unroute("**/graphql");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("table", { name: "Customers" })).toBeVisible();
  await page.context().close();
});
