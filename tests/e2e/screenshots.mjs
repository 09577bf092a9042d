// Rewrites the pictures in docs/screenshots: ./do pictures

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startBrowser, startServer } from './browser.mjs';

const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const PICTURES = [
  ['plan', '/plan?m=qwen3-32b:q4_k_m&on=2xrtx-3090&c=16k', {}],
  ['plan-phone-zh', '/plan?m=qwen3-32b:q4_k_m&on=2xrtx-3090&c=16k', { width: 390, height: 844, locale: 'zh-CN', theme: 'dark' }],
  ['compare', '/compare?m=qwen3-32b:q4_k_m&on=2xrtx-3090&on=rtx-4090&on=rtx-5090', {}],
  ['cards', '/cards?vendor=nvidia&sort=-bandwidth', { height: 760 }],
  ['card', '/cards?name=rtx-3090', {}],
  ['accuracy', '/accuracy?by=backend', {}],
  ['accuracy-phone-zh', '/accuracy?by=vendor', { width: 390, height: 844, locale: 'zh-CN', theme: 'dark' }],
  ['model', '/models?name=qwen3-32b', { theme: 'dark' }],
  ['models', '/models?q=qwen3', { height: 760 }],
  ['machine', '/machine', { height: 760 }],
];

const fonts = spawnSync('fc-list', [':lang=zh'], { encoding: 'utf8' });
if (!fonts.stdout?.trim()) {
  console.error('no Chinese font: the pictures would show boxes (apt-get install fonts-noto-cjk, or fonts-wqy-zenhei)');
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
const server = await startServer();
const browser = await startBrowser();
for (const [name, path, { width = 1280, height = 900, locale = 'en-US', theme = 'light' }] of PICTURES) {
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme: theme });
  const page = await context.newPage();
  await page.goto(server.url + path);
  await page.waitForSelector('main h1');
  await page.waitForTimeout(400);   // the curve is asked for once the plan is there
  await page.waitForFunction(() => !document.querySelector('.waiting, [aria-busy="true"]'));
  await page.screenshot({ path: folder + name + '.png' });
  await context.close();
}
await browser.close();
await server.stop();
