// What both specs need: signing in, and looking at a page in both widths.
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, expect, type Page } from "@playwright/test";

const screenshots = fileURLToPath(new URL("./screenshots/", import.meta.url));

export const DEMO_PASSWORD = "stentor-demo";

export interface Person {
  email: string;
  password: string;
}

/** A browser of one's own, so that three people can be signed in at the same time. */
export async function openAs(browser: Browser, area: string, person: Person): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce", acceptDownloads: true });
  const page = await context.newPage();
  await page.goto(`/${area}/sign-in`);
  await signIn(page, person);
  return page;
}

export async function signIn(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/**
 * Screenshots of the page at 1280 and 375 px, and the two things that can be measured: nothing
 * sticks out on a phone, and axe finds no fault at either width.
 */
export async function look(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  for (const [device, width, height] of [
    ["phone", 375, 812],
    ["desktop", 1280, 900],
  ] as const) {
    await page.setViewportSize({ width, height });
    const path = `${screenshots}${name}-${device}.png`;
    // A dialog covers what one sees; a longer picture would show the page below it uncovered.
    const fullPage = !(await page.getByRole("dialog").isVisible());
    await page.screenshot({ path, fullPage, animations: "disabled" });
    const needed = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(needed, `${name} scrolls sideways at ${width} px`).toBeLessThanOrEqual(width);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const faults = violations.map(
      (violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(" | ")}`,
    );
    expect(faults, `axe on ${name} at ${width} px`).toEqual([]);
  }
}

/** Clicks a download button and reads the file that the browser saved. */
export async function download(
  page: Page,
  format: string,
): Promise<{ name: string; text: string }> {
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: `Download ${format}` }).click();
  const file = await saved;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
}
