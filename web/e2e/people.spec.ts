// People: an organisation adds one, the platform erases one, and nothing of the person is left.
import { expect, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs, signIn } from "./support";

const run = Date.now().toString(36);
const person = { name: `Pia Passing ${run}`, email: `pia-${run}@harbour.test` };

test("a person is added, and erased for good", async ({ browser }) => {
  const customer = { email: "customer@demo.test", password: DEMO_PASSWORD };
  const portal = await openAs(browser, "portal", customer);
  await portal.getByRole("link", { name: "People", exact: true }).click();
  await expect(portal.getByRole("table", { name: "People" })).toBeVisible();
  await portal.getByRole("button", { name: "Add person" }).click();
  const adding = portal.getByRole("dialog");
  await adding.getByLabel("Name").fill(person.name);
  await adding.getByLabel("E-mail address").fill(person.email);
  await look(portal, "portal-add-person");
  await adding.getByRole("button", { name: "Add person" }).click();
  const password = await adding.getByLabel("Temporary password").inputValue();
  await adding.getByRole("button", { name: "Close dialog" }).click();
  await expect(portal.getByText(person.email)).toBeVisible();
  await look(portal, "portal-people");
  await portal.context().close();

  const colleague = await openAs(browser, "portal", { email: person.email, password });
  await colleague.getByRole("link", { name: "People", exact: true }).click();
  await expect(colleague.getByText("for the admins of your organisation")).toBeVisible();

  const admin = await openAs(browser, "admin", {
    email: "admin@demo.test",
    password: DEMO_PASSWORD,
  });
  await admin.getByRole("link", { name: "People", exact: true }).click();
  await admin.getByLabel("Search people").fill(person.email);
  await expect(admin.getByRole("cell", { name: person.email })).toBeVisible();
  await look(admin, "admin-people");
  await admin.getByRole("button", { name: `Erase ${person.name}` }).click();
  const erasing = admin.getByRole("dialog");
  await erasing.getByLabel("Reason").fill(`${person.name} asked`);
  await erasing.getByLabel("The person's e-mail address").fill("somebody@else.test");
  await erasing.getByRole("button", { name: "Erase for good" }).click();
  await expect(erasing.getByText(`Type ${person.email} to confirm.`).first()).toBeVisible();
  await erasing.getByLabel("The person's e-mail address").fill(person.email);
  await erasing.getByRole("button", { name: "Erase for good" }).click();
  await expect(erasing.getByText(/the reason names the person/)).toBeVisible();
  await look(admin, "admin-erase-person");
  await erasing.getByLabel("Reason").fill("asked to be forgotten");
  await erasing.getByRole("button", { name: "Erase for good" }).click();
  await expect(erasing).toBeHidden();

  await expect(admin.getByText("Nobody found")).toBeVisible();
  await admin.getByLabel("Search people").fill("");
  await expect(admin.getByText(/^Erased on /).first()).toBeVisible();
  await expect(admin.getByText(person.email)).toHaveCount(0);
  await look(admin, "admin-people-erased");
  await admin.context().close();

  await colleague.context().clearCookies();
  await colleague.goto("/portal/sign-in");
  await signIn(colleague, { email: person.email, password });
  await expect(colleague.getByRole("alert")).toBeVisible();
  await colleague.context().close();
});

test("a person is invited, and joins by the link", async ({ browser }) => {
  const email = `ida-${run}@harbour.test`;
  const customer = { email: "customer@demo.test", password: DEMO_PASSWORD };
  const portal = await openAs(browser, "portal", customer);
  await portal.getByRole("link", { name: "People", exact: true }).click();
  await portal.getByRole("button", { name: "Invite" }).click();
  const inviting = portal.getByRole("dialog");
  await inviting.getByLabel("E-mail address").fill(email);
  await look(portal, "portal-invite-person");
  await inviting.getByRole("button", { name: "Invite" }).click();
  const link = await inviting.getByLabel("Invitation link").inputValue();
  await portal.context().close();

  const invited = await (await browser.newContext()).newPage();
  const { pathname, hash } = new URL(link);
  await invited.goto(`${pathname}${hash}`);
  await invited.getByLabel("Your name").fill("Ida Invited");
  await invited.getByLabel("Password").fill("a password of my own");
  await look(invited, "invitation");
  await invited.getByRole("button", { name: "Join" }).click();
  await invited.getByRole("link", { name: "Sign in" }).click();
  await signIn(invited, { email, password: "a password of my own" });
  await expect(invited.getByRole("link", { name: "Workflows" })).toBeVisible();
  await invited.context().close();
});
