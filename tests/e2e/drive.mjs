// What the tests of the page share: a server, a browser, how a view is opened and when it is at rest, and how the tests of a file are run.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { axePath, startBrowser, startServer } from './browser.mjs';

export const server = await startServer();
export const browser = await startBrowser();
const axe = readFileSync(axePath, 'utf8');

export function expect(good, what) {
  if (!good) throw new Error(what);
}

export async function open(path, { width = 1280, height = 900, locale = 'en-US', theme = 'light', touch = false } = {}, at = server.url) {
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme: theme, hasTouch: touch, isMobile: touch });
  const page = await context.newPage();
  page.asked = [];
  page.faults = [];
  page.on('request', (request) => page.asked.push(request));
  page.on('pageerror', (fault) => page.faults.push(fault.message));
  await page.goto(at + path);
  await settled(page);
  return page;
}
// A plan of Qwen3 0.6B's config.json, dropped on the page.
export async function openWithConfig() {
  const file = join(mkdtempSync(join(tmpdir(), 'rigcast-')), 'config.json');
  writeFileSync(file, JSON.stringify({ architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3', hidden_size: 1024, num_hidden_layers: 28, num_attention_heads: 16, num_key_value_heads: 8, head_dim: 128,
    intermediate_size: 3072, vocab_size: 151936, max_position_embeddings: 40960, tie_word_embeddings: true, torch_dtype: 'bfloat16', rms_norm_eps: 1e-6, hidden_act: 'silu', rope_theta: 1000000 }));
  const page = await open('/plan?on=rtx-3090&c=8k');
  await page.setInputFiles('input[type=file]', file);
  await page.waitForSelector('.verdict');
  return { page, file };
}

export const settled = async (page) => {
  await page.waitForSelector('main h1');
  await page.waitForFunction(() => !document.querySelector('.waiting, [aria-busy="true"]'), null, { timeout: 120000 });   // an evaluation beside other work
};
export const texts = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent.replace(/\u00a0/g, ' ').trim()));

// As the page and the terminal print: three digits, none of a whole part dropped.
export function three(value) {
  const size = Math.abs(value);
  if (size >= 999.5) return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

export async function checkAccess(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const bad = found.violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  expect(!bad.length, `${name}: ${bad.map((one) => `${one.id} at ${one.nodes[0].target}: ${one.nodes[0].failureSummary}`).join('; ')}`);
}

// Runs those whose names hold one of the words of the command line, all without any, and ends the process.
export async function runAll(tests) {
  const wanted = process.argv.slice(2);
  let failures = 0;
  for (const [name, test] of Object.entries(tests)) {
    if (wanted.length && !wanted.some((word) => name.includes(word))) continue;
    const begin = Date.now();
    try {
      const page = await test();
      if (page) {
        expect(!page.faults.length, page.faults.join('; '));
        await page.context().close();
      }
      console.log(`ok    ${name} (${Date.now() - begin} ms)`);
    } catch (fault) {
      ++failures;
      console.log(`FAIL  ${name}: ${fault.message.slice(0, 900)}`);
    }
  }
  await browser.close();
  await server.stop();
  process.exit(failures ? 1 : 0);
}
