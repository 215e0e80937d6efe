// Holds the pages in a browser against what they promise; says what is wrong and ends with 1.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [work, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const faults = [];
const expect = (holds, what) => holds || faults.push(what);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

const sizes = { phone: [360, 740], laptop: [1280, 800] };

for (const page of ["report", "compare"]) {
  for (const [size, [width, height]] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"]) {
      const name = `${page}-${size}-${colorScheme}`;
      // axe is handed in by the test, past the page's own policy; what the page itself violates is listened for below.
      const context = await browser.newContext({
        viewport: { width, height }, colorScheme, bypassCSP: true, offline: true, reducedMotion: "reduce",
      });
      const tab = await context.newPage();
      tab.on("console", (message) => message.type() === "error" && faults.push(`${name}: ${message.text()}`));
      tab.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
      await tab.goto(`file://${work}/${page}.html`);
      await tab.screenshot({ path: `${shots}/${name}.png` });
      await tab.evaluate(() => document.querySelectorAll("details").forEach((details, at) => { details.open = at < 12; }));
      const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide <= 0, `${name}: the page is ${wide} px wider than the screen`);
      await tab.evaluate(axe);
      const found = await tab.evaluate(() => window.axe.run(document, {
        runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
        resultTypes: ["violations"],
      }));
      for (const violation of found.violations) {
        faults.push(`${name}: ${violation.id}: ${violation.help}: ${violation.nodes[0].html.slice(0, 120)}`);
      }
      await context.close();
    }
  }

  // With its own policy in force: nothing is refused, and nothing else could be run.
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, offline: true });
  const tab = await context.newPage();
  const refused = [];
  tab.on("console", (message) => message.type() === "error" && refused.push(message.text()));
  await tab.goto(`file://${work}/${page}.html`);
  expect(refused.length === 0, `${page}: refused ${refused.join("; ")}`);
  const ran = await tab.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.foreign = true";
    document.body.append(script);
    return window.foreign === true;
  });
  expect(!ran, `${page}: a foreign script runs`);
  expect((await tab.pdf({ path: `${shots}/${page}.pdf`, format: "A4" })).length > 0, `${page}: prints nothing`);
  for (const colorScheme of ["light", "dark"]) {
    await tab.emulateMedia({ media: "print", colorScheme });
    await tab.setViewportSize({ width: 794, height: 1123 });
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wide <= 0, `${page}: ${wide} px beyond the paper`);
    await tab.screenshot({ path: `${shots}/${page}-print-${colorScheme}.png` });
  }
  await context.close();
}

// Sorting, filtering and the keyboard.
{
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, offline: true });
  const tab = await context.newPage();
  await tab.goto(`file://${work}/report.html`);
  const names = () => tab.$$eval("#all tbody tr:not([hidden]) th", (cells) => cells.map((cell) => cell.textContent.trim()));
  const numbers = (at) => tab.$$eval(`#all tbody tr td:nth-child(${at})`, (cells) =>
    cells.map((cell) => parseFloat(cell.textContent.replace(/[^0-9.-]/g, ""))).filter((number) => !Number.isNaN(number)));
  const before = await names();
  await tab.click("#all thead th:nth-child(4) button");
  const down = await numbers(4);
  expect(down.every((number, at) => at === 0 || down[at - 1] >= number), "sorting by cost, dearest first, does not sort");
  await tab.click("#all thead th:nth-child(4) button");
  const up = await numbers(4);
  expect(up.every((number, at) => at === 0 || up[at - 1] <= number), "sorting by cost, cheapest first, does not sort");
  expect((await tab.getAttribute("#all thead th:nth-child(4)", "aria-sort")) === "ascending", "the order is not announced");
  await tab.fill("#filter", "payments");
  expect((await names()).length === 1, "the filter does not leave one row");
  expect((await tab.textContent("#count")).startsWith("1 of"), "the number of rows is not said");
  await tab.fill("#filter", "");
  expect((await names()).length === before.length, "an empty filter does not show all");

  await tab.evaluate(() => document.activeElement.blur());
  const reached = new Set();
  const wanted = await tab.evaluate(() => {
    const all = [...document.querySelectorAll("a[href],button,input,summary,[tabindex='0']")].filter((element) => element.checkVisibility());
    all.forEach((element, at) => element.setAttribute("data-at", at));
    return all.length;
  });
  for (let presses = 0; presses < wanted + 5; presses++) {
    await tab.keyboard.press("Tab");
    const at = await tab.evaluate(() => document.activeElement?.getAttribute("data-at"));
    if (at !== null && at !== undefined) reached.add(at);
  }
  expect(reached.size === wanted, `the keyboard reaches ${reached.size} of ${wanted} controls`);
  await tab.focus("details.w > summary");
  await tab.keyboard.press("Enter");
  expect(await tab.evaluate(() => document.querySelector("details.w").open), "Enter opens no panel");
  await tab.screenshot({ path: `${shots}/report-panel.png`, fullPage: false });
  await context.close();
}

// Without its script the page is whole.
{
  const context = await browser.newContext({ javaScriptEnabled: false, offline: true });
  const tab = await context.newPage();
  await tab.goto(`file://${work}/report.html`);
  expect((await tab.$$("#all tbody tr")).length > 10, "without script the table is not there");
  expect((await tab.$$("svg[role=img] title")).length > 10, "without script the charts are not there");
  await context.close();
}

await browser.close();
for (const fault of faults) console.error(`browser: ${fault}`);
console.log(faults.length === 0 ? `browser: all holds; screenshots in ${shots}` : `browser: ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
