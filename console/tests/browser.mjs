// What the walks share: a browser, pictures in both languages, and what axe says of a page.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const home = dirname(fileURLToPath(import.meta.url));
const shots = join(home, '../shots');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Long enough for a busy machine. */
export const PATIENCE_MS = 120_000;

/** The WAV that every microphone hears, again and again; beeps where none is named. */
export const MICROPHONE = process.env.WAIHU_MICROPHONE ?? '';

/** Where a walk leaves a file for whoever runs it. */
export const kept = (file) => join(shots, file);

export const open = async () => {
  mkdirSync(shots, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
      ...(MICROPHONE ? [`--use-file-for-fake-audio-capture=${MICROPHONE}`] : []),
    ],
  });
};

/** A page of a person's own, in which nothing may go wrong unseen: faults, refused scripts and styles fail the walk. */
export const pageOf = async (browser, url, isNew = false) => {
  // A window that still moves is not where it is clicked: between press and release a busy machine shifts it.
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1360, height: 860 }, locale: 'zh-CN', timezoneId: 'Asia/Singapore', acceptDownloads: true, reducedMotion: 'reduce' });
  context.setDefaultTimeout(20_000);
  // Whoever works here has seen the first steps; who is new has a walk of their own.
  if (!isNew) await context.addInitScript(() => ['operations', 'compliance', 'agent', 'admin'].forEach((role) => localStorage.setItem(`toured.${role}`, 'yes')));
  const page = await context.newPage();
  page.wrong = [];
  page.on('pageerror', (error) => page.wrong.push(`fault: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    // That a request was refused is what some walks want; the console shows it to the person.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) page.wrong.push(`console: ${message.text()}`);
  });
  return page;
};

export const check = (holds, claim) => {
  if (!holds) throw new Error(`it does not hold that ${claim}`);
};

/** Waits until whoever works by keys is there. */
export const focused = (on) => on.and(on.page().locator(':focus')).waitFor();

/** What axe finds that keeps somebody out; it is put in by the debugger, which the page's policy does not bind. */
export const accessible = async (page, name) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'], preload: false }));
  const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 4).map(({ html, failureSummary }) => `${html.slice(0, 200)} (${(failureSummary ?? '').split('\n')[1]?.trim()})`).join(' | ')}`);
  if (told.length) page.wrong.push(...told.map((text) => `axe on ${name}: ${text}`));
};

/** The pictures of the manual, by what they show; taken where PICTURES is set (`npm run pictures`). */
const PICTURES = {
  'board-live': 'board', 'new-check': 'new-check', 'call-live': 'call-live', 'campaign-done': 'campaign', results: 'results',
  scripts: 'scripts', call: 'call', audit: 'audit', 'desk-offer': 'desk-offer', 'desk-talk': 'desk-talk', 'desk-look': 'desk-look', quality: 'quality', debtor: 'debtor',
};

/** As wide as a page of the manual shows. */
const PICTURE = { width: 1080, height: 640 };

const picture = async (page, name, lang) => {
  const whole = page.viewportSize();
  await page.setViewportSize(PICTURE);
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(home, `../../docs/pictures/${name}-${lang}.png`) });
  await page.setViewportSize(whole);
};

/** What was told in passing goes by itself, and stays in the language in which it was told. */
const quiet = (page) => page.waitForFunction(() => !document.querySelector('.ant-message-notice, .ant-notification-notice'));

/** The page in both languages, looked at by axe in each; it ends in Chinese. */
export const shoot = async (page, name) => {
  if (process.env.PICTURES && PICTURES[name]) await quiet(page);
  for (const lang of ['en', 'zh']) {
    await page.getByRole('button', { name: lang === 'en' ? 'Switch to English' : '切换到中文' }).click();
    await page.waitForTimeout(450);
    await page.screenshot({ path: join(shots, `${name}-${lang}.png`), fullPage: false });
    if (process.env.PICTURES && PICTURES[name]) await picture(page, PICTURES[name], lang);
    await accessible(page, `${name} (${lang})`);
  }
};

/** Gives name and password, whatever is asked after them. */
export const enter = async (page, name, password) => {
  await page.goto('/');
  await page.getByLabel('用户名').fill(name);
  await page.getByLabel('密码').fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
};

export const signIn = async (page, name, password) => {
  await enter(page, name, password);
  await page.getByRole('navigation').waitFor();
};

export const settled = async (page) => {
  await page.locator('.ant-spin').first().waitFor({ state: 'detached' }).catch(() => undefined);
};
