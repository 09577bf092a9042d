// How the page takes what people type, point at and drop: RIGCAST=build/check/rigcast node tests/e2e/asking.mjs [NAME ...]
// Each test is a fault that was found once; its name is what holds now.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli, startServer } from './browser.mjs';
import { checkAccess, expect, open, openWithConfig, runAll, settled, texts } from './drive.mjs';

const MODEL = 'qwen3-8b:q4_k_m';
const PHONE = { width: 390, height: 844, touch: true };
const on = (page) => new URL(page.url()).searchParams.get('on');
const decode = (page) => page.$eval('[data-value="decode"] b', (b) => b.textContent);

const tests = {
  async 'what is typed into the host form stays where it was typed'() {
    const page = await open('/plan?m=qwen3-8b&on=rtx-3090');
    await page.click('.rig details summary');
    const box = (name) => page.getByLabel(name, { exact: true });
    await box('Memory, GiB').fill('128');
    await box('Memory, GiB').press('Tab');
    await settled(page);
    expect(on(page) === 'rtx-3090; host=2xddr5-5600:128g', on(page));
    expect(await box('Memory, GiB').inputValue() === '128' && await box('Processor').inputValue() === '', 'memory is memory');
    await box('Memory, GiB').fill('256');
    await box('Memory, GiB').press('Tab');
    await box('Memory channels').fill('8');
    await box('Memory channels').press('Tab');
    await settled(page);
    expect(on(page) === 'rtx-3090; host=8xddr5-5600:256g', on(page));
    expect(await box('Processor').inputValue() === '' && !(await texts(page, '.wrong')).length, 'no processor was named');
    return page;
  },
  async 'the nearest name replaces only what was wrong'() {
    for (const [rig, button, mended] of [
      ['2xrtx-4090+rtx-3909', 'rtx-3090', '2xrtx-4090+rtx-3090'], ['2xrtx-3909+rtx-4090', 'rtx-3090', '2xrtx-3090+rtx-4090'],
      ['1000xrtx-3090@300w', '999xrtx-3090', '999xrtx-3090@300w'], ['rtx-4090+rtx-3090@1w', '88w', 'rtx-4090+rtx-3090@88w'],
      ['rtx-3090; host=epyc-7533:64g', 'epyc-7513', 'rtx-3090; host=epyc-7513:64g'],
    ]) {
      const page = await open('/plan?m=qwen3-8b&on=' + encodeURIComponent(rig));
      await page.click(`.rig .wrong button:has-text("${button}")`);
      await page.waitForFunction((old) => new URL(location.href).searchParams.get('on') !== old, rig);
      expect(on(page) === mended, `${rig} became ${on(page)}`);
      await page.context().close();
    }
  },
  async 'an error stands beside the field it is about'() {
    const at = async (address, selector, words) => {
      const page = await open(address);
      const told = await texts(page, selector);
      expect(told.length === 1 && told[0].includes(words), `${address}: ${JSON.stringify(told)}`);
      await page.context().close();
    };
    await at('/plan?m=qwen3-8b&on=2xrtx-4090%2Brtx-3909', '.card-row:nth-of-type(2) .wrong', 'rtx-3909');
    await at('/plan?m=qwen3-8b&on=rtx-3090;host=epyc-7533:64g', '.host-row .wrong', 'epyc-7533');
    await at('/plan?m=qwen3-8b&on=rtx-3090@1w', '.card-row .field:nth-child(3) .wrong', '350 W');
    await at('/plan?m=qwen3-8b:q9&on=rtx-3090', '.model-field .field:nth-child(2) .wrong', 'q9');
    await at('/compare?m=qwen3-8b&on=rtx-4090&on=rtx-3909', '.names:nth-of-type(2) .name-row:nth-of-type(2) .wrong', 'rtx-3909');
  },
  async 'a key too many does not take the answer away'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090&c=16k`);
    const before = await decode(page);
    await page.getByLabel('Context, tokens').fill('16kk');
    await page.waitForSelector('.context-field .wrong');
    expect(await decode(page) === before && await page.locator('.stale .verdict').count() === 1, 'the last answer, greyed');
    await page.getByLabel('Context, tokens').fill('16k');
    await page.waitForFunction(() => !document.querySelector('.stale, .wrong'));
    return page;
  },
  async 'a server that goes away leaves the answer in sight'() {
    const own = await startServer();
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`, {}, own.url);
    const before = await decode(page);
    await own.stop();
    await page.getByLabel('Context, tokens').fill('8k');
    await page.waitForSelector('.failed');
    expect(await decode(page) === before, 'still there');
    return page;
  },
  async 'more settings stay open while one types in them'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`);
    await page.getByText('More settings').click();
    const box = page.getByLabel('Streams together');
    await box.fill('4');
    await settled(page);
    await box.fill('');
    await settled(page);
    expect(await box.isVisible(), 'still open');
    return page;
  },
  async 'a count typed before its card is named is kept, and one that is none is told'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`);
    await page.getByRole('button', { name: 'Add a card' }).click();
    const row = page.locator('.card-row').nth(1);
    await row.getByLabel('Count').fill('3');
    await row.getByLabel('Card', { exact: true }).fill('rtx-4090');
    await row.getByLabel('Card', { exact: true }).press('Enter');
    await settled(page);
    expect(on(page) === 'rtx-3090+3xrtx-4090', on(page));
    for (const wrong of ['0', '-2', '1.5', '']) {
      await row.getByLabel('Count').fill(wrong);
      expect((await row.locator('.wrong').count()) === 1 && on(page) === 'rtx-3090+3xrtx-4090', `'${wrong}': ${on(page)}`);
    }
    return page;
  },
  async 'the page says how the model is laid out and which cards are left over'() {
    const page = await open('/plan?m=qwen3-8b:q4_k_m&on=2xrtx-3090&c=16k');
    expect((await texts(page, '[data-block="layout"]'))[0] === 'llama.cpp (cuda): one device; uses 1 of 2 cards', (await texts(page, '[data-block="layout"]'))[0]);
    const names = await texts(page, '.memory .bar-name');
    expect(names[0].startsWith('device #0, GeForce RTX 3090') && names[1].includes('device #1') && names[1].includes('not used'), names.join('|'));
    const split = await open('/plan?m=llama-3.3-70b:q4_k_m&on=rtx-3090');
    const told = await cli('plan', 'llama-3.3-70b:q4_k_m', '--on', 'rtx-3090');
    expect(/\d+ of 80 layers on the host/.test(told.placement.layout) && (await texts(split, '[data-block="layout"]'))[0].endsWith(told.placement.layout), 'as the command line');
    await split.context().close();
    return page;
  },
  async 'a bridge behind a comma is ticked, and who names no engine reads which was taken'() {
    const page = await open(`/plan?m=${MODEL}&on=` + encodeURIComponent('2xrtx-3090,nvlink'));
    expect(await page.getByLabel('NVLink', { exact: true }).isChecked() && await page.locator('.card-row').getByLabel('Card', { exact: true }).inputValue() === 'rtx-3090', 'not part of the card');
    const server = await open('/plan?m=qwen3-32b&on=l20');
    const told = await cli('plan', 'qwen3-32b', '--on', 'l20');
    const engine = server.getByLabel('Engine', { exact: true });
    expect(told.engine === 'vllm' && await engine.evaluate((one) => one.selectedOptions[0].textContent) === 'the usual one (vLLM)', 'vLLM');
    expect(await server.getByLabel('Quant', { exact: true }).getAttribute('placeholder') === told.model.quant.toLowerCase(), 'the format, too');
    await server.context().close();
    return page;
  },
  async 'speeds of several streams are told as such'() {
    const page = await open('/compare?m=qwen3-8b:q4_k_m&on=rtx-3090&on=rtx-4090&n=4');
    expect((await texts(page, '.compared tbody td[data-name="Streams together"]')).join() === '4,4' && await page.locator('[data-block="streams"]').count() === 1, 'four each');
    expect((await texts(page, '[data-block="alike"]'))[0] === 'All of them under llama.cpp, as Q4_K_M.', 'told once');
    return page;
  },
  async 'the context of several streams is that of each'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090&n=4`);
    const told = await cli('plan', MODEL, '--on', 'rtx-3090', '--sequences', '4');
    const each = told.context_per_stream / 1024 + 'k';
    expect(told.context === 4 * told.context_per_stream && (await texts(page, '.chart-title'))[0].includes(`4 contexts of ${each}`), (await texts(page, '.chart-title'))[0]);
    expect(await page.getByRole('slider').getAttribute('aria-valuetext') === each, 'the slider');
    return page;
  },
  async 'a grouping that is left takes its filter along, and a chart says what it leaves out'() {
    const page = await open('/accuracy?by=backend&only=nonsense&phase=serve');
    const all = Number((await texts(page, '[data-value="median"] small'))[0].split(' ')[0].replace(',', ''));
    const dots = await page.locator('svg.reads .point').count();
    expect(dots > 0 && (dots === all || (await texts(page, '.block .help'))[0].includes(`${dots.toLocaleString('en-US')} of the ${all.toLocaleString('en-US')}`)), `${dots} of ${all}`);
    return page;
  },
  async 'a name of any length and direction stays within its line'() {
    const file = join(mkdtempSync(join(tmpdir(), 'rigcast-')), 'config.json');
    writeFileSync(file, JSON.stringify({ _name_or_path: 'x'.repeat(30000), architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 256, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 64,
      intermediate_size: 512, vocab_size: 1000, max_position_embeddings: 4096, torch_dtype: 'bfloat16' }));
    const page = await open('/plan?on=rtx-3090');
    const said = await page.evaluate(async (body) => (await (await fetch('/api/shape?rest=0&name=' + encodeURIComponent('a\u202egpj.json'), { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body })).json()), JSON.stringify({ model_type: 'llama', architectures: ['LlamaForCausalLM'],
      hidden_size: 256, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 64, intermediate_size: 512, vocab_size: 1000, max_position_embeddings: 4096, torch_dtype: 'bfloat16' }));
    expect(!/[\u202a-\u202e\u2066-\u2069]/.test(said.model), said.model);
    await page.setInputFiles('input[type=file]', file);
    await page.waitForSelector('.verdict');
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no wider than the window');
    return page;
  },
  async 'compare says what runs on the host, what is short of what, and what would be faster'() {
    const page = await open('/compare?m=qwen3-32b:q4_k_m&on=rtx-3090&on=rtx-4060-ti-16gb&on=' + encodeURIComponent('rtx-3060-12gb; host=2xddr4-3200:8g'));
    const fits = await texts(page, '.block tbody td:nth-of-type(1)');
    expect(fits[0] === 'yes' && fits[1] === 'host' && fits[2] === 'no', fits.join('|'));
    const why = (await cli('compare', 'qwen3-32b:q4_k_m', '--on', 'rtx-3060-12gb; host=2xddr4-3200:8g')).rows[0].why_not;
    expect(/short/i.test(why) && (await texts(page, '[data-block="why-not"] li'))[0].endsWith(why), why);
    const told = await cli('compare', 'qwen3-32b:q4_k_m', '--on', '2xrtx-3090', '--on', '4xrtx-3090');
    const faster = await open('/compare?m=qwen3-32b:q4_k_m&on=2xrtx-3090&on=4xrtx-3090');
    expect(JSON.stringify(await texts(faster, '[data-block="faster"] li')) === JSON.stringify(told.faster), JSON.stringify(told.faster));
    await faster.context().close();
    return page;
  },
  async 'comparing with another machine asks the same question'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090&n=2&p=700&d=900&c=8k&b=vulkan&for=prefill&as=2026-05&f=-fa+on&split=none`);
    await page.getByRole('link', { name: 'Compare with another machine' }).click();
    await settled(page);
    const asked = JSON.parse(page.asked.filter((request) => request.url().endsWith('/api/compare')).pop().postData());
    for (const [name, value] of Object.entries({ sequences: '2', prompt: '700', depth: '900', context: '8k', backend: 'vulkan', for: 'prefill', engine_date: '2026-05', flags: '-sm none -fa on' }))
      expect(asked[name] === value, `${name}: ${asked[name]}`);
    return page;
  },
  async 'a tap opens the nearest measurement, and reads a curve'() {
    const page = await open('/accuracy', PHONE);
    const chart = page.locator('svg.reads').first();
    await chart.scrollIntoViewIfNeeded();
    const point = await page.$eval('svg.reads .point', (one) => ({ x: Number(one.getAttribute('cx')), y: Number(one.getAttribute('cy')) }));
    await chart.tap({ position: { x: point.x + 4, y: point.y + 4 } });
    await page.waitForSelector('[data-row]');
    const plan = await open(`/plan?m=${MODEL}&on=rtx-3090`, PHONE);
    await plan.locator('svg.reads').first().tap();
    expect((await texts(plan, '.readout'))[0].includes('tok/s'), 'what the curve says there');
    await plan.context().close();
    return page;
  },
  async 'a phone shows the answer of a link first'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`, PHONE);
    const top = await page.$eval('.verdict', (one) => one.getBoundingClientRect().top);
    expect(top < 600, `${top} px down`);
    await page.getByRole('button', { name: 'Change the question' }).click();
    expect(await page.getByLabel('Context, tokens').isVisible(), 'the form');
    await checkAccess(page, 'phone');
    return page;
  },
  async 'a file that cannot be read is told in a sentence, in the language of the page'() {
    const folder = mkdtempSync(join(tmpdir(), 'rigcast-'));
    const file = (name, bytes) => { writeFileSync(join(folder, name), bytes); return join(folder, name); };
    const short = file('short.gguf', Buffer.from('GGUF\x03\0\0\0', 'latin1')), png = file('png.gguf', Buffer.alloc(64, 1)), other = file('other.json', '{"hello": 1}'), none = file('none.json', '[]');
    for (const [locale, words] of [['en-US', /not downloaded whole|does not begin|[a-z]{3,} [a-z]{2,}/], ['zh-CN', /[\u4e00-\u9fff]{3,}/]]) {
      const page = await open('/plan?on=rtx-3090', { locale });
      for (const files of [[short], [png], [other], [none], [short, png]]) {
        await page.setInputFiles('input[type=file]', files);
        await page.waitForFunction((old) => { const one = document.querySelector('.drop .wrong'); return one && one.textContent !== old; }, page.before ?? '');
        page.before = (await page.textContent('.drop .wrong'));
        expect(words.test(page.before) && !/\b(magic|truncated|count|type) at byte/.test(page.before), page.before);
      }
      await page.context().close();
    }
  },
  async 'a dropped config.json is asked about in any format, and has its own name everywhere'() {
    const { page } = await openWithConfig();
    const before = await decode(page);
    await page.getByLabel('Quant').fill('q4_k_m');
    await page.getByLabel('Quant').press('Enter');
    await page.waitForFunction((old) => document.querySelector('[data-value="decode"] b')?.textContent !== old && !document.querySelector('.stale'), before);
    const compare = await open('/compare?on=rtx-3090&m=' + encodeURIComponent(new URL(page.url()).searchParams.get('m')));
    expect(!(await texts(compare, '.failed, .wrong')).length && (await texts(compare, '.block tbody tr')).length >= 1, 'compared');
    await compare.context().close();
    const report = await page.evaluate(async (model) => (await (await fetch('/api/report', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ verb: 'plan', format: 'markdown', request: { model, rig: 'rtx-3090' } }) })).json()).text, new URL(page.url()).searchParams.get('m'));
    expect(!report.includes('dropped:') && report.includes('config.json:q4_k_m'), 'a command its owner can type');
    return page;
  },
  async 'going back finds the question and the place one left'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`);
    const left = await page.evaluate(() => { scrollTo(0, 900); return scrollY; });
    expect(left > 300, 'a page to scroll');
    await page.waitForTimeout(300);
    await page.getByRole('link', { name: 'Compare with another machine' }).evaluate((link) => link.click());
    await settled(page);
    await page.goBack();
    await settled(page);
    await page.waitForFunction((wanted) => scrollY === wanted, left, { timeout: 20000 });
    const zh = await open('/cards?lang=zh');
    await zh.locator('nav a').nth(3).click();
    await settled(zh);
    await zh.reload();
    await settled(zh);
    expect(await zh.evaluate(() => document.documentElement.lang) === 'zh-CN', 'the language of the link');
    await zh.context().close();
    return page;
  },
  async 'a mailed page can be read on a phone and moved by keys'() {
    const page = await open('/cards?q=3090', PHONE);
    for (const verb of ['plan', 'compare']) {
      const request = verb === 'plan' ? { model: MODEL, rig: '2xrtx-3090' } : { models: [MODEL], rigs: ['rtx-3090', 'rtx-4090'] };
      const report = await page.evaluate(async (body) => (await (await fetch('/api/report', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json()).text, { verb, format: 'html', request });
      const mailed = await page.context().newPage();
      await mailed.setContent(report.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ''));   // it forbids the checker's script
      await checkAccess(mailed, verb);
      expect(await mailed.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no wider than the phone');
      const letters = await mailed.$eval('figure.chart svg text', (one) => one.getBoundingClientRect().height);
      expect(letters >= 10, `letters of ${letters} px`);
      await mailed.close();
    }
    return page;
  },
  async 'numbers are rounded as the command line rounds them'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`);
    await page.route('**/api/plan', async (route) => {
      const answer = await (await route.fetch()).json();
      answer.placement.devices[0].memory = { ...answer.placement.devices[0].memory, weights_bytes: 1.125 * 2 ** 30, kv_bytes: 0, state_bytes: 0, compute_bytes: 0, footprint_bytes: 0 };
      answer.decode = { ...answer.decode, p10: 480.2, p50: 812, p90: 999.7 };
      await route.fulfill({ json: answer });
    });
    await page.getByLabel('Context, tokens').fill('2k');
    await page.waitForFunction(() => document.querySelector('[data-value="decode"] b').textContent.startsWith('812'));
    expect((await texts(page, '.memory .bar-sum'))[0].startsWith('1.12 GiB'), 'an exact half goes to the even neighbour, as printf does');
    expect((await texts(page, '[data-value="decode"] small'))[0].includes('480 \u2013 1,000'), (await texts(page, '[data-value="decode"] small'))[0]);
    return page;
  },
};

await runAll(tests);
