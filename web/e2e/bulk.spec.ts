// Many customers by one file: tried, carried out, and each row's result.
import { expect, test } from "@playwright/test";
import { DEMO_PASSWORD, look, openAs } from "./support";

const reseller = { email: "reseller@demo.test", password: DEMO_PASSWORD };

test("a reseller creates customers from a file", async ({ browser }) => {
  const page = await openAs(browser, "reseller", reseller);
  await page.getByRole("link", { name: "Bulks", exact: true }).click();
  const run = Date.now();
  const lines = [1, 2, 3].map(
    (n) => `Radio ${n},basic,${n === 3 ? "many" : 1},Carl,c${n}-${run}@radio.test`,
  );
  await page.getByLabel("File").setInputFiles({
    name: "customers.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(["name,tier,days,userName,userEmail", ...lines].join("\r\n")),
  });
  await page.getByRole("button", { name: "Try it first" }).click();
  await expect(page.getByText(/^2 of 3 rows would be carried out/)).toBeVisible();
  await expect(page.getByText(/row 3, column days: expected a whole number/)).toBeVisible();
  await look(page, "reseller-bulk-tried");

  await page.getByRole("button", { name: "Carry out" }).click();
  await expect(page.getByText("2 of 3 done, 1 failed")).toBeVisible();
  await expect(page.getByText("Completed")).toBeVisible();
  await page.getByLabel("Rows", { exact: true }).selectOption("FAILED");
  await expect(page.getByText("INVALID_ROW")).toBeVisible();
  await look(page, "reseller-bulk");
  await page.context().close();
});
