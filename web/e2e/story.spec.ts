// The whole story, through the panel alone: a pack is sold, days are sold, words are heard.
import { fileURLToPath } from "node:url";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { DEMO_PASSWORD, download, look, openAs, type Person } from "./support";

const recordings =
  process.env.STENTOR_RECORDINGS ??
  fileURLToPath(new URL("../../models/small/recordings", import.meta.url));

// Names of this run, so that the story can be told twice on one database.
const run = Date.now().toString(36);
const resellerName = `Echo Media ${run}`;
const owner = { name: "Olga Owner", email: `olga-${run}@echo.test` };
const customerName = `Harbour Radio ${run}`;
const listener = { name: "Lena Listener", email: `lena-${run}@harbour.test` };

test("a pack is sold, a customer is created, a recording becomes words", async ({ browser }) => {
  const ownerPassword = await test.step("the platform creates a reseller and sells it a pack", () =>
    openAs(browser, "admin", { email: "admin@demo.test", password: DEMO_PASSWORD }).then(platform));

  const reseller = await openAs(browser, "reseller", {
    email: owner.email,
    password: ownerPassword,
  });
  const listenerPassword = await test.step("the reseller creates a customer", () =>
    createCustomer(reseller));
  await test.step("without enough credits nothing is written", () => refused(reseller));
  await test.step("the reseller extends, suspends and resumes", () => manage(reseller));

  const person = { email: listener.email, password: listenerPassword };
  const customer = await openAs(browser, "portal", person);
  await test.step("a sample recording becomes words", () => transcribeSample(customer));
  await test.step("an uploaded recording becomes words", () => transcribeUpload(customer));
  await test.step("what is no audio is refused", () => refuseNoise(customer));
  await test.step("audiences do not cross", () => crossings(browser, person));
});

async function platform(page: Page): Promise<string> {
  await expect(page.getByRole("heading", { name: "Resellers" })).toBeVisible();
  await page.getByRole("button", { name: "New reseller" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill(resellerName);
  await dialog.getByLabel("Contact e-mail").fill(`office-${run}@echo.test`);
  await dialog.getByLabel("Commission rate in %").fill("20");
  await dialog.getByLabel("Time zone").selectOption("Europe/Berlin");
  await dialog.getByLabel("Owner's name").fill(owner.name);
  await dialog.getByLabel("Owner's e-mail").fill(owner.email);
  await look(page, "admin-new-reseller");
  await dialog.getByRole("button", { name: "Create reseller" }).click();
  await expect(dialog.getByText("shown once")).toBeVisible();
  const password = await dialog.getByLabel("Temporary password").inputValue();
  expect(password).not.toBe("");
  await look(page, "admin-temporary-password");
  await dialog.getByRole("button", { name: "Open reseller" }).click();

  await expect(page.getByRole("heading", { name: resellerName })).toBeVisible();
  await expect(figure(page, "Commission rate")).toHaveText("20 %");
  await page.getByRole("button", { name: "Sell credit pack" }).click();
  await dialog.getByRole("radio", { name: /starter/i }).check();
  await look(page, "admin-sell-pack");
  await dialog.getByRole("button", { name: "Sell pack" }).click();
  await expect(dialog.getByText(/Sold 900 credits for .*50\.00.*now 900 days/)).toBeVisible();
  await dialog.getByRole("button", { name: "Close", exact: true }).click();
  await expect(figure(page, "Balance")).toHaveText("900 days");
  await expect(page.getByRole("row", { name: /Purchase.*\+900/ })).toBeVisible();
  await look(page, "admin-reseller");

  await page.getByRole("link", { name: "Resellers" }).first().click();
  await page.getByLabel("Search resellers").fill(resellerName);
  await expect(page.getByRole("row")).toHaveCount(2);
  await look(page, "admin-resellers");
  await page.getByRole("link", { name: "Credit packs" }).click();
  await expect(page.getByRole("row", { name: /business/i })).toBeVisible();
  await look(page, "admin-packs");
  return password;
}

async function fillCustomer(page: Page, name: string, person: { name: string; email: string }) {
  await page.getByLabel("Customer name").fill(name);
  await page.getByRole("radio", { name: "Premium" }).check();
  await page.getByLabel("First user's name").fill(person.name);
  await page.getByLabel("First user's e-mail").fill(person.email);
}

async function createCustomer(page: Page): Promise<string> {
  await expect(page.getByRole("heading", { name: "Dashboard" })).toBeVisible();
  await expect(figure(page, "Balance")).toHaveText("900 days");
  await page.getByRole("link", { name: "New customer" }).click();
  await fillCustomer(page, customerName, listener);
  await page.getByRole("radio", { name: "30 days" }).check();
  const cost = page.getByRole("status", { name: "Cost" });
  await expect(cost).toContainText("Cost30 credits");
  await expect(cost).toContainText("Remaining870 credits");
  await look(page, "reseller-new-customer");
  await page.getByRole("button", { name: "Create customer" }).click();
  await expect(page.getByText("30 credits were debited, 870 credits remain.")).toBeVisible();
  const password = await page.getByLabel("Temporary password").inputValue();
  await look(page, "reseller-customer-created");
  return password;
}

async function refused(page: Page) {
  await page.getByRole("button", { name: "Create another" }).click();
  await fillCustomer(page, `Long Wave ${run}`, { name: "Lou Long", email: `lou-${run}@wave.test` });
  await page.getByRole("radio", { name: "Other" }).check();
  await page.getByLabel("Number of days").fill("855");
  await page.getByRole("button", { name: "Create customer" }).click();
  await expect(page.getByText("855 credits were debited, 15 credits remain.")).toBeVisible();

  await page.getByRole("button", { name: "Create another" }).click();
  const late = `Too Late ${run}`;
  await fillCustomer(page, late, { name: "Tom Tardy", email: `tom-${run}@late.test` });
  await page.getByRole("radio", { name: "30 days" }).check();
  await expect(page.getByRole("status", { name: "Cost" })).toContainText("Missing15 credits");
  await page.getByRole("button", { name: "Create customer" }).click();
  await expect(page.getByRole("alert")).toContainText(
    "30 credits are needed, 15 are available: buy credits or choose a shorter period",
  );
  await expect(page.getByRole("alert")).toContainText("INSUFFICIENT_CREDITS");
  await expect(page.getByLabel("Customer name")).toHaveValue(late);
  await look(page, "reseller-refused");

  await page.getByRole("link", { name: "Customers" }).first().click();
  await expect(page.getByRole("row", { name: /Harbour Radio/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Long Wave/ })).toBeVisible();
  await look(page, "reseller-customers");
  await page.getByLabel("Search customers").fill(late);
  await expect(page.getByText("No customer found")).toBeVisible();
  await look(page, "reseller-customers-none");
  await page.getByRole("link", { name: "Dashboard" }).click();
  await expect(figure(page, "Balance")).toHaveText("15 days");
  await expect(figure(page, "Customers")).toHaveText("2");
  await expect(figure(page, "Used this month")).toHaveText("885 days");
  await look(page, "reseller-dashboard");
  await page.getByRole("button", { name: "Buy credits" }).click();
  await expect(page.getByRole("dialog").getByText(/10,800 days/)).toBeVisible();
  await look(page, "reseller-buy-credits");
  await page.getByRole("button", { name: "Close dialog" }).click();
  await page.getByRole("link", { name: "Credits", exact: true }).click();
  await expect(page.getByRole("row", { name: /Debit.*−855/ })).toBeVisible();
  await look(page, "reseller-credits");
}

async function manage(page: Page) {
  await page.getByRole("link", { name: "Customers" }).first().click();
  await page.getByRole("link", { name: customerName }).click();
  await page.getByRole("button", { name: "Extend" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Other" }).check();
  await dialog.getByLabel("Number of days").fill("5");
  await dialog.getByRole("button", { name: "Extend access" }).click();
  await expect(dialog.getByText("5 credits were debited, 10 credits remain.")).toBeVisible();
  await dialog.getByRole("button", { name: "Close", exact: true }).click();
  for (const [word, status] of [
    ["Suspend", "Suspended"],
    ["Resume", "Active"],
  ] as const) {
    await page.getByRole("button", { name: word }).click();
    await dialog.getByLabel("Reason").fill("Asked for on the phone");
    await dialog.getByRole("button", { name: `${word} customer` }).click();
    await expect(page.getByText(status, { exact: true })).toBeVisible();
  }
  await look(page, "reseller-customer");
}

async function transcribeSample(page: Page) {
  await expect(page.getByText("No transcriptions yet")).toBeVisible();
  await look(page, "portal-empty");
  await page.getByRole("link", { name: "Workflows", exact: true }).click();
  await expect(page.getByText("No workflows yet")).toBeVisible();
  await look(page, "portal-workflows-empty");
  await page.getByRole("link", { name: "Transcriptions", exact: true }).click();
  await page.getByRole("link", { name: "New transcription" }).first().click();
  await page.getByRole("button", { name: "Try speech-1.wav" }).waitFor();
  await look(page, "portal-new");
  await page.getByRole("button", { name: "Try speech-1.wav" }).click();
  await start(page, "speech-1.wav");
  await expect(segments(page).first()).toContainText("eleven turn today play");
  await look(page, "portal-job-done");

  const txt = await download(page, "TXT");
  expect(txt.name).toMatch(/\.txt$/);
  expect(txt.text.trim()).toBe("eleven turn today play");
  const srt = await download(page, "SRT");
  expect(srt.name).toMatch(/\.srt$/);
  expect(srt.text).toMatch(
    /^1\r?\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\r?\neleven turn today play\r?\n/,
  );
  const vtt = await download(page, "VTT");
  expect(vtt.name).toMatch(/\.vtt$/);
  expect(vtt.text).toMatch(/^WEBVTT\r?\n/);
  expect(vtt.text).toMatch(/00:0\d\.\d{3} --> (00:)?00:0\d\.\d{3}\r?\neleven turn today play/);
  const json = await download(page, "JSON");
  expect(json.name).toMatch(/\.json$/);
  const transcript = JSON.parse(json.text);
  expect(transcript.text.trim()).toBe("eleven turn today play");
  expect(transcript.segments).toHaveLength(1);
}

async function transcribeUpload(page: Page) {
  const tokens = await refuseFirstSocket(page);
  await page.getByRole("link", { name: "Transcriptions" }).first().click();
  await page.getByRole("link", { name: "New transcription" }).click();
  await page.getByLabel("Recording file").setInputFiles(`${recordings}/talk.wav`);
  const before = tokens();
  await start(page, "talk.wav", async () => {
    await expect(page.getByText("Reconnecting")).toBeVisible();
  });
  expect(tokens(), "a new token after the old one was refused").toBe(before + 1);
  await expect(segments(page)).toHaveCount(4);
  await expect(segments(page)).toContainText([
    "eleven turn today play",
    "start timer thirty minutes",
    "close the blue door",
    "six zero nine nine",
  ]);
  await look(page, "portal-transcript");
  await page.getByRole("link", { name: "Transcriptions" }).first().click();
  await expect(page.getByRole("row", { name: /talk\.wav.*Done/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /speech-1\.wav.*Done/ })).toBeVisible();
  await look(page, "portal-jobs");
}

/** Starts the chosen recording and watches its own page until the work is done. */
async function start(page: Page, name: string, onPage = async () => {}) {
  await expect(page.getByRole("status").filter({ hasText: name })).toContainText("ready");
  await look(page, `portal-ready-${name}`);
  const steps = await watchSteps(page);
  await page.getByRole("button", { name: "Start transcription" }).click();
  await expect(page.getByRole("heading", { name })).toBeVisible();
  await onPage();
  await look(page, `portal-job-${name}`);
  await expect(page.getByRole("heading", { name: "Transcript", exact: true })).toBeVisible({
    timeout: 120_000,
  });
  const seen = await steps();
  expect(seen.length, "the page showed the work in progress").toBeGreaterThan(0);
  const percents = seen.map((text) => Number(/(\d+) %/.exec(text)?.[1]));
  expect(percents, "progress never runs backwards").toEqual([...percents].sort((a, b) => a - b));
}

/**
 * Closes the next WebSocket as the server does with an expired token, and lets later ones through.
 * Answers how many access tokens have been asked for.
 */
async function refuseFirstSocket(page: Page): Promise<() => number> {
  let sockets = 0;
  let tokens = 0;
  await page.routeWebSocket("**/graphql", async (socket) => {
    sockets += 1;
    if (sockets === 1) await socket.close({ code: 4403, reason: "Forbidden" });
    else socket.connectToServer();
  });
  page.on("request", (request) => {
    if (request.url().endsWith("/api/auth/token")) tokens += 1;
  });
  await page.reload();
  return () => tokens;
}

/** Notes every text that the page's progress line has; answers how to read the notes. */
async function watchSteps(page: Page): Promise<() => Promise<string[]>> {
  const notes = await page.evaluateHandle(() => {
    const texts: string[] = [];
    new MutationObserver(() => {
      for (const line of document.querySelectorAll("[aria-live=polite]")) {
        const text = line.textContent ?? "";
        if (text.includes(" %") && text !== texts.at(-1)) texts.push(text);
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
    return texts;
  });
  return () => notes.jsonValue();
}

async function refuseNoise(page: Page) {
  await page.getByRole("link", { name: "New transcription" }).click();
  await page.getByLabel("Recording file").setInputFiles({
    name: "shopping-list.wav",
    mimeType: "audio/wav",
    buffer: Buffer.from("milk, bread, batteries for the microphone\n".repeat(50)),
  });
  await expect(page.getByRole("alert")).toContainText(/AUDIO_/);
  await look(page, "portal-refused");
  await page.getByRole("button", { name: "Use talk.wav" }).first().click();
  await expect(page.getByRole("status").filter({ hasText: "talk.wav" })).toContainText("ready");
}

async function crossings(browser: Browser, person: Person) {
  const page = await openAs(browser, "admin", person);
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "sign-in-refused");
  await page.goto("/reseller/customers");
  await expect(page).toHaveURL(/\/reseller\/sign-in/);
  await page.goto("/no/such/page");
  await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  await look(page, "not-found");
  await page.context().close();
}

/** The figure under a label of a row of figures. */
function figure(page: Page, label: string) {
  return page
    .locator("dl > div")
    .filter({ has: page.getByText(label, { exact: true }) })
    .locator("dd")
    .first();
}

function segments(page: Page) {
  return page.getByRole("list", { name: "Segments" }).getByRole("listitem");
}
