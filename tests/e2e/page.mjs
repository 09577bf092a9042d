// Drives the page in Chromium as people do: RIGCAST=build/check/rigcast node tests/e2e/page.mjs [NAME ...]
// Each test is one function below; its name is what it holds.

import { writeFileSync, mkdirSync, mkdtempSync, openSync, writeSync, ftruncateSync, closeSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli, run, startServer } from './browser.mjs';
import { browser, checkAccess, expect, open, openWithConfig, runAll, server, settled, texts, three } from './drive.mjs';

const MODEL = 'qwen3-8b:q4_k_m';
const VIEWS = {
  plan: `/plan?m=${MODEL}&on=2xrtx-3090&c=16k`, start: '/plan', compare: `/compare?m=${MODEL}&on=rtx-3090&on=rtx-4090`, cards: '/cards?q=3090', card: '/cards?name=rtx-3090',
  models: '/models?q=qwen3', model: '/models?name=qwen3-8b', accuracy: '/accuracy?by=backend', machine: '/machine',
};
const tests = {
  async 'first paint within a second and nobody else asked'() {
    const page = await open('/');
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);
    expect(paint > 0 && paint < 1000 * Number(process.env.RIGCAST_SLOWNESS ?? 3), `first paint after ${paint} ms`);
    console.log(`  first paint ${Math.round(paint)} ms`);
    expect(page.asked.every((request) => request.url().startsWith(server.url) || request.url().startsWith('data:')), 'a request to somebody else');
    return page;
  },
  async 'plan shows the numbers of the command line'() {
    const page = await open(VIEWS.plan);
    const told = await cli('plan', MODEL, '--on', '2xrtx-3090', '-c', '16k');
    const shown = (id) => page.$eval(`[data-value="${id}"] b`, (b) => b.textContent.replace(/\u00a0/g, ' '));
    expect(await shown('decode') === `${three(told.decode.p50)} tok/s`, `decode: ${await shown('decode')} is not ${told.decode.p50}`);
    expect(await shown('prefill') === `${three(told.prefill.p50)} tok/s`, `prefill: ${await shown('prefill')} is not ${told.prefill.p50}`);
    expect(await shown('power') === `${three(told.power.decode.p50)} W`, 'power');
    const sums = await texts(page, '.memory .bar-sum');
    told.placement.devices.forEach((device, i) => expect(sums[i].startsWith((device.memory.total_bytes / 2 ** 30).toFixed(2) + ' GiB'), `memory of device ${i}: ${sums[i]}`));
    expect((await texts(page, '.code code'))[0] === told.launch, 'launch line');
    return page;
  },
  async 'typing a context changes address and numbers, and the address alone brings them back'() {
    const page = await open(VIEWS.plan);
    await page.getByLabel('Context, tokens').fill('32k');
    await page.waitForFunction(() => document.querySelector('.chart-title')?.textContent.includes('32k'));
    expect(page.url().includes('c=32k'), page.url());
    await page.reload();
    await settled(page);
    expect((await texts(page, '.chart-title'))[0].includes('32k'), 'after reload');
    return page;
  },
  async 'a name nobody knows is told beside its field, and the nearest is one press away'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3909`);
    expect((await texts(page, '.card-row .wrong'))[0].includes('rtx-3909'), 'the reason');
    await page.click('.card-row .wrong button');
    await page.waitForSelector('.verdict');
    expect(page.url().includes('on=rtx-3090'), page.url());
    return page;
  },
  async 'the combobox is driven by keys'() {
    const page = await open('/plan?on=rtx-3090');
    await page.getByLabel('Model', { exact: true }).focus();
    await page.keyboard.type('qwen3 8b');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.verdict');
    expect(/m=qwen3-8b/.test(page.url()), page.url());
    return page;
  },
  async 'a dropped GGUF is read here and answered as the command line answers its file'() {
    const file = writeGguf();
    const page = await open('/plan?on=rtx-3090');
    await page.setInputFiles('input[type=file]', file);
    await page.waitForSelector('.verdict');
    const told = await cli('plan', file, '--on', 'rtx-3090');
    const sums = await texts(page, '.memory .bar-sum');
    const bytes = told.placement.devices[0].memory.total_bytes;
    const want = bytes >= 2 ** 30 ? (bytes / 2 ** 30).toFixed(2) + ' GiB' : (bytes / 2 ** 20).toFixed(0) + ' MiB';
    expect(sums[0].startsWith(want), `${sums[0]} is not ${want}`);
    const sent = page.asked.filter((request) => request.url().includes('/api/shape'));
    expect(sent.length === 1 && (await sent[0].sizes()).requestBodySize < 20000, 'the vocabulary stays here');
    return page;
  },
  async 'a dropped GGUF of 12 GB is read by its header only'() {
    const file = writeGguf({ hidden: 8192, ffn: 28672, layers: 8 });
    const size = statSync(file).size;
    expect(size > 12e9, `${size} bytes`);
    const page = await open('/plan?on=2xrtx-3090');
    const begin = Date.now();
    await page.setInputFiles('input[type=file]', file);
    await page.waitForSelector('.verdict');
    const took = Date.now() - begin;
    const told = await cli('plan', file, '--on', '2xrtx-3090');
    const sums = await texts(page, '.memory .bar-sum');
    expect(sums[0].startsWith((told.placement.devices[0].memory.total_bytes / 2 ** 30).toFixed(2) + ' GiB'), sums[0]);
    console.log(`  ${(size / 1e9).toFixed(1)} GB read in ${took} ms`);
    expect(took < 5000 * Number(process.env.RIGCAST_SLOWNESS ?? 3), `${took} ms`);
    unlinkSync(file);
    return page;
  },
  async 'the context is moved by a slider and its keys, and the curve is not asked for again'() {
    const page = await open(VIEWS.plan);
    const curves = () => page.asked.filter((request) => request.url().endsWith('/api/curve')).length;
    for (let tries = 0; curves() === 0 && tries < 500; ++tries) await page.waitForTimeout(20);   // asked a little after the answer
    const before = curves();
    expect(before > 0, 'a curve is asked for');
    const slider = page.getByRole('slider', { name: 'Move the context' });
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('.chart-title')?.textContent.includes('24k'));
    expect(page.url().includes('c=24k') && await slider.getAttribute('aria-valuetext') === '24k', page.url());
    await settled(page);
    expect(curves() === before, 'the curve is the same for all contexts');
    return page;
  },
  async 'other ways, the longest context and what more would bring are told as on the command line'() {
    const page = await open(VIEWS.plan);
    const told = await cli('plan', MODEL, '--on', '2xrtx-3090', '-c', '16k');
    const ways = await texts(page, '[data-block="ways"] tbody tr');
    const others = told.alternatives.filter((way) => way.launch !== told.launch);
    expect(ways.length === others.length && others.length > 0, `${ways.length} ways`);
    others.forEach((way, i) => expect(ways[i].includes(`${three(way.decode)} tok/s`), ways[i]));
    const short = await open('/plan?m=qwen3-32b:q8_0&on=rtx-3090');
    const more = (await cli('plan', 'qwen3-32b:q8_0', '--on', 'rtx-3090')).upgrades.filter((one) => one.rig);
    if (more.length) {
      await short.click('[data-block="upgrades"] button');
      await short.waitForFunction(() => location.search.includes('2x'));
    }
    await short.context().close();
    return page;
  },
  async 'the reader\u2019s own number is held against the range and stays in the link'() {
    const page = await open(VIEWS.plan + '&md=3');
    expect((await texts(page, '[data-block="mine"] .mine-below')).length === 1, 'below');
    const told = await cli('plan', MODEL, '--on', '2xrtx-3090', '-c', '16k');
    await page.locator('[data-block="mine"] input').first().fill(String(told.decode.p50));
    await page.waitForSelector('.mine-inside');
    expect(page.url().includes(`md=${told.decode.p50}`), page.url());
    return page;
  },
  async 'an evaluation is stopped, and can be asked for again'() {
    const page = await open('/');
    await page.goto(server.url + '/accuracy?hold=source');
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Try again' }).waitFor({ timeout: 20000 });
    return page;
  },
  async 'a dropped config.json is answered as the command line answers its file'() {
    const { page, file } = await openWithConfig();
    const told = await cli('plan', file, '--on', 'rtx-3090', '-c', '8k');
    const shown = await page.$eval('[data-value="decode"] b', (b) => b.textContent.replace(/\u00a0/g, ' '));
    expect(shown === `${three(told.decode.p50)} tok/s`, `decode: ${shown} is not ${told.decode.p50}`);
    expect(page.asked.filter((request) => request.url().includes('/api/shape')).length === 1, 'sent once');
    return page;
  },
  async 'accuracy shows the scores of the command line, filters by a group and opens a measurement'() {
    const page = await open('/accuracy?by=backend');
    const told = await cli('evaluate', '--by', 'phase');
    const decode = told.by_phase.find((one) => one.group === 'decode');
    const shown = (id) => page.$eval(`[data-value="${id}"] b`, (b) => b.textContent.replace(/\u00a0/g, ' '));
    expect(await shown('median') === `${three(100 * decode.median_error)} %`, `median: ${await shown('median')} is not ${decode.median_error}`);
    expect(await shown('coverage') === `${three(100 * decode.coverage)} %`, 'coverage');
    await page.click('[data-table="groups"] tbody button');
    await page.waitForFunction(() => location.search.includes('only='));
    const chart = page.locator('svg.reads');
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-row]');
    await settled(page);
    expect((await texts(page, '[data-row] dd')).length > 4, 'its conditions');
    return page;
  },
  async 'own measurements move the numbers, say so, and can be left out'() {
    const home = mkdtempSync(join(tmpdir(), 'rigcast-home-'));
    const bench = join(home, 'bench.md');
    writeFileSync(bench, '| model | size | params | backend | ngl | test | t/s |\n| --- | --- | --- | --- | --- | --- | --- |\n| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 99 | tg128 | 70.00 |\n');
    const data = join(home, 'mine');
    mkdirSync(data);
    await run('observe', 'import', bench, '--device', 'rtx-3090', '--model', 'qwen3-8b', '--log', join(data, 'observations.csv'));
    const own = await startServer(['--data', data]);
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`, {}, own.url);
    const shown = (id) => page.$eval(`[data-value="${id}"] b`, (b) => b.textContent);
    const told = await cli('plan', MODEL, '--on', 'rtx-3090', '--data', data);
    expect(told.own.decode.rows === 1 && told.own.decode.says < 1, 'the command line counts the row');
    expect((await texts(page, '[data-block="own"] p'))[0].includes(`${told.own.decode.says.toFixed(2)}x`), 'the page says it');
    const before = await shown('decode');
    await page.click('[data-block="own"] button');
    await page.waitForFunction((old) => document.querySelector('[data-value="decode"] b')?.textContent !== old, before);
    expect(page.url().includes('own=0'), page.url());
    await own.stop();
    return page;
  },
  async 'this machine shows what was measured against the promise, or that nothing was'() {
    const page = await open('/machine');
    expect(await page.locator('[data-block="promise"] button').count() >= 1, 'measuring can be started');
    return page;
  },
  async 'compare shows each row as the command line does'() {
    const page = await open(VIEWS.compare);
    const told = await cli('compare', MODEL, '--on', 'rtx-3090', '--on', 'rtx-4090');
    const rows = await texts(page, '.block tbody tr');
    told.rows.forEach((row, i) => expect(rows[i].includes(three(row.decode.p50) + ' tok/s'), `${rows[i]} lacks ${row.decode.p50}`));
    return page;
  },
  async 'cards filter, sort and open'() {
    const page = await open('/cards');
    await page.getByRole('searchbox').fill('mi50');
    await page.waitForFunction(() => document.querySelectorAll('table.list tbody tr').length < 6);
    await page.getByRole('searchbox').fill('');
    await page.getByRole('button', { name: 'Bandwidth' }).click();
    expect(await page.$eval('th[aria-sort]', (th) => th.getAttribute('aria-sort')) === 'descending', 'sorted');
    await page.click('table.list tbody a');
    await page.waitForSelector('.facts');
    expect((await texts(page, '[data-fact="memory"] td')).some((cell) => /GiB|TiB/.test(cell)), 'memory with unit');
    return page;
  },
  async 'a model page has its sizes'() {
    const page = await open(VIEWS.model);
    const told = await cli('show', 'qwen3-8b');
    const rows = await texts(page, '.sizes tbody tr');
    const q4 = told.entries[0].sizes.find((size) => size.quant === 'q4_k_m');
    expect(rows.some((row) => row.startsWith('q4_k_m') && row.includes((q4.weights_bytes / 2 ** 30).toFixed(2))), rows.join('|'));
    return page;
  },
  async 'every view in Chinese, on a phone, dark, without a serious fault of access'() {
    for (const [name, path] of Object.entries(VIEWS)) {
      const page = await open(path, { width: 390, height: 844, locale: 'zh-CN', theme: 'dark' });
      expect(await page.evaluate(() => document.documentElement.lang) === 'zh-CN', 'language');
      expect(/[\u4e00-\u9fff]/.test((await texts(page, 'nav'))[0]), 'Chinese words');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide <= 0, `${name} is ${wide} px too wide`);
      await checkAccess(page, name);
      await page.context().close();
    }
  },
  async 'every view in English, light, without a serious fault of access'() {
    for (const [name, path] of Object.entries(VIEWS)) {
      const page = await open(path);
      await checkAccess(page, name);
      expect(!page.faults.length, `${name}: ${page.faults}`);
      await page.context().close();
    }
  },
  async 'language and theme are switched and kept'() {
    const page = await open('/cards');
    await page.getByRole('button', { name: '\u4e2d\u6587' }).click();
    expect((await texts(page, 'h1'))[0] === '\u663e\u5361', 'title in Chinese');
    await page.reload();
    await settled(page);
    expect((await texts(page, 'h1'))[0] === '\u663e\u5361', 'kept');
    return page;
  },
  async 'a mailed page has its charts and asks nobody'() {
    const page = await open(VIEWS.plan);
    const report = await page.evaluate(async (model) => (await (await fetch('/api/report', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ verb: 'plan', format: 'html', request: { model, rig: 'rtx-3090' } }) })).json()).text, MODEL);
    const mailed = await (await browser.newContext()).newPage();
    const asked = [];
    mailed.on('request', (request) => asked.push(request.url()));
    await mailed.setContent(report);
    expect(await mailed.locator('svg').count() >= 3 && asked.filter((url) => url.startsWith('http')).length === 0, 'charts, and nothing fetched');
    await mailed.context().close();
    return page;
  },
};

// A small llama with a vocabulary, its weights a hole in the file.
function writeGguf({ hidden = 512, ffn = 1024, layers = 4 } = {}) {
  const chunks = [];
  const u32 = (value) => { const b = Buffer.alloc(4); b.writeUInt32LE(value); chunks.push(b); };
  const u64 = (value) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(value)); chunks.push(b); };
  const f32 = (value) => { const b = Buffer.alloc(4); b.writeFloatLE(value); chunks.push(b); };
  const text = (value) => { const b = Buffer.from(value); u64(b.length); chunks.push(b); };
  const words = 5000, kv = 128;
  const keys = [['general.architecture', 8, () => text('llama')], ['general.name', 8, () => text('tiny')]];
  for (const [key, value] of [['context_length', 8192], ['embedding_length', hidden], ['block_count', layers], ['feed_forward_length', ffn], ['attention.head_count', hidden / 64], ['attention.head_count_kv', 2], ['rope.dimension_count', 64]])
    keys.push([`llama.${key}`, 4, () => u32(value)]);
  keys.push(['llama.attention.layer_norm_rms_epsilon', 6, () => f32(1e-5)]);
  keys.push(['tokenizer.ggml.tokens', 9, () => { u32(8); u64(words); for (let i = 0; i < words; ++i) text('secret-word-' + i); }]);
  const tensors = [['token_embd.weight', [hidden, words]], ['output_norm.weight', [hidden]], ['output.weight', [hidden, words]]];
  for (let i = 0; i < layers; ++i)
    for (const [name, shape] of [['attn_norm', [hidden]], ['attn_q', [hidden, hidden]], ['attn_k', [hidden, kv]], ['attn_v', [hidden, kv]], ['attn_output', [hidden, hidden]], ['ffn_norm', [hidden]], ['ffn_gate', [hidden, ffn]], ['ffn_up', [hidden, ffn]], ['ffn_down', [ffn, hidden]]])
      tensors.push([`blk.${i}.${name}.weight`, shape]);
  u32(0x46554747); u32(3); u64(tensors.length); u64(keys.length);
  for (const [key, type, write] of keys) { text(key); u32(type); write(); }
  let offset = 0;
  for (const [name, shape] of tensors) {
    text(name); u32(shape.length); shape.forEach(u64); u32(shape.length === 1 ? 0 : 1); u64(offset);
    offset += Math.ceil(shape.reduce((a, b) => a * b, 1) * (shape.length === 1 ? 4 : 2) / 32) * 32;
  }
  const header = Buffer.concat(chunks);
  const file = join(mkdtempSync(join(tmpdir(), 'rigcast-')), 'tiny.gguf');
  const out = openSync(file, 'w');
  writeSync(out, header);
  ftruncateSync(out, Math.ceil(header.length / 32) * 32 + offset);
  closeSync(out);
  return file;
}

await runAll(tests);
