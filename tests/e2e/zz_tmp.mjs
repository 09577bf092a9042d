import { startBrowser, startServer } from './browser.mjs';
const out = process.argv[2], only = process.argv.slice(3);
const P = [
  ['plan-en-phone', '/plan?m=qwen3-32b:q4_k_m&on=2xrtx-3090&c=16k', { width: 390, height: 844, full: true }],
  ['plan-zh-dark', '/plan?m=qwen3-32b&on=2xatlas-300i-duo-96gb', { locale: 'zh-CN', theme: 'dark', full: true }],
  ['plan-unfit-zh-phone', '/plan?m=deepseek-r1&on=rtx-4090-48gb', { width: 390, height: 844, locale: 'zh-CN', full: true }],
  ['plan-error', '/plan?m=qwen3-33b&on=2x4090,nvlink', {}],
  ['compare-zh-phone', '/compare?m=qwen3-32b:q4_k_m&on=2xrtx-3090&on=rtx-4090-48gb&on=4xmi50-32g&on=atlas-300i-duo-96gb', { width: 390, height: 844, locale: 'zh-CN', full: true }],
  ['compare-en', '/compare?m=qwen3-32b&on=4xl20&on=2xh20-96gb&on=8x910b3&on=2x3090&n=16', { full: true }],
  ['model-en', '/models?name=qwen3-32b', { full: true }],
  ['card-zh', '/cards?name=atlas-300i-duo-96gb', { locale: 'zh-CN', full: true }],
  ['cards-phone', '/cards?vendor=huawei', { width: 390, height: 844, full: false }],
  ['machine-zh', '/machine', { locale: 'zh-CN', full: true }],
];
const server = await startServer(), browser = await startBrowser();
for (const [name, path, { width = 1280, height = 900, locale = 'en-US', theme = 'light', full = false }] of P) {
  if (only.length && !only.includes(name)) continue;
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme: theme });
  const page = await context.newPage();
  const faults = []; page.on('pageerror', (f) => faults.push(f.message)); page.on('console', (m) => m.type() === 'error' && faults.push(m.text()));
  await page.goto(server.url + path);
  await page.waitForSelector('main h1');
  await page.waitForTimeout(500);
  await page.waitForFunction(() => !document.querySelector('.waiting, [aria-busy="true"]'), null, { timeout: 60000 }).catch((e) => faults.push(String(e)));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await page.screenshot({ path: `${out}/${name}.png`, fullPage: full });
  console.log(name, 'overflow', wide, faults.join(' | '));
  await context.close();
}
await browser.close(); await server.stop();
