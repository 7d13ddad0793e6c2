// A day in the console, against a waihu that serves: `node tests/all.mjs URL` with people `ops`, `comp`, `agent` and
// `admin` whose password is in WAIHU_PASSWORD, an approved `reminder`, and callees 1001, 1003 and 1007 at the trunk.
// Where WAIHU_MICROPHONE names a WAV with the agent's words, WAIHU_CALLEE is asked instead of 1007, and answers them:
// what the agent's page played, what was put down and the bundle then lie in shots/ (heard.wav, talk.json, bundle.zip).
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, check, enter, focused, kept, MICROPHONE, open, pageOf, PATIENCE_MS, settled, shoot, signIn } from './browser.mjs';
import { earOf, heard, listens } from './heard.mjs';

const [url = 'http://127.0.0.1:8420'] = process.argv.slice(2);
const password = process.env.WAIHU_PASSWORD ?? '';
const browser = await open();
const wrong = [];

/** A part of the name of the one step to be walked, where it is one. */
const ONLY = process.env.ONLY ?? '';

const step = async (name, walk, isNew = false) => {
  if (!name.includes(ONLY)) return;
  const begun = Date.now();
  const page = await pageOf(browser, url, isNew);
  try {
    await walk(page);
    check(!(await page.evaluate(() => window.hacked)), 'a name is shown as text');
    wrong.push(...page.wrong.map((text) => `${name}: ${text}`));
    console.log(`ok ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    await page.screenshot({ path: new URL(`../shots/failed-${name.replaceAll(' ', '-')}.png`, import.meta.url).pathname }).catch(() => undefined);
    wrong.push(`${name}: ${error.stack ?? error}`, ...page.wrong);
    console.log(`not ok ${name}: ${error.message}`);
  } finally {
    await page.context().close();
  }
};

/** Says what for a record is seen in clear. */
const inClear = async (page, purpose) => {
  await page.getByRole('combobox', { name: '明文查看' }).click();
  await page.locator('.ant-select-item-option', { hasText: purpose }).click();
};

/** The same by the keyboard alone. */
const inClearByKeys = async (page, purpose) => {
  const control = page.getByRole('combobox', { name: '明文查看' });
  for (let tabs = 0; !(await control.evaluate((on) => on === document.activeElement)); tabs += 1) {
    check(tabs < 200, 'what something is shown in clear for is reached by Tab');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  const active = page.locator('.ant-select-item-option-active:visible');
  for (let arrows = 0; !(await active.textContent())?.includes(purpose); arrows += 1) {
    check(arrows < 10, 'each purpose is reached by an arrow');
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
  await page.getByText(/明文显示至 \d/).waitFor();
  await focused(control);
};

/** Waits until the recording can be played. */
const playable = async (page) => {
  await page.getByRole('button', { name: '播放', exact: true }).waitFor();
  await page.waitForFunction(() => ![...document.querySelectorAll('button')].find((b) => b.textContent?.includes('播放'))?.disabled);
};

/** What tells the campaigns of this walk from those of another on the same store. */
const RUN = Date.now().toString(36);

const CASES = `案件编号,手机号,姓名,称谓,债权人,产品,逾期金额,应还日,风险等级
c-promises,1001,张伟,先生,安信银行,信用卡,3250.00,2026-11-15,A
c-wrong,1003,王芳,女士,安信银行,消费贷款,1280.50,2026-11-12,B
c-script,1004,<script>window.hacked=1</script>,先生,安信银行,信用卡,12x,2026-11-12,B
,1005,李雷,先生,安信银行,信用卡,99.00,2026-11-12,B
`;

await step('signing in', async (page) => {
  await page.goto('/');
  await page.getByRole('heading', { name: '登录' }).waitFor();
  await shoot(page, 'sign-in');
  await page.getByLabel('用户名').fill('ops');
  await page.getByLabel('密码').fill('not the password');
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await page.getByRole('alert').waitFor();
  check(/[\u4e00-\u9fff]/.test((await page.getByRole('alert').textContent()) ?? ''), 'what is wrong is told in the language of the reader');
  await page.goto('/');
  await page.locator('.ant-btn-primary').waitFor();
  // The pointer is where the button was pressed; away from it, the button has its own colour.
  await page.mouse.move(0, 0);
  // The library's styles are let in; the colour may still be on its way.
  await page.waitForFunction(() => getComputedStyle(document.querySelector('.ant-btn-primary')).backgroundColor === 'rgb(10, 92, 99)');
});

await step('who is new is shown the first steps, once', async (page) => {
  await signIn(page, 'ops', password);
  const tour = page.getByRole('region', { name: '入门' });
  await tour.getByText('从一个案件文件开始').waitFor();
  check(new URL(page.url()).pathname === '/campaigns', 'a step is on the page that it is about');
  await shoot(page, 'tour');
  await tour.getByRole('button', { name: '下一步' }).click();
  await tour.getByText('看它怎么进行').waitFor();
  await tour.getByRole('button', { name: '下一步' }).click();
  await tour.getByRole('button', { name: '开始使用' }).click();
  await tour.waitFor({ state: 'detached' });
  await page.reload();
  await page.getByRole('navigation').waitFor();
  check((await tour.count()) === 0, 'they are shown once');
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('显示或关闭本页').waitFor();
  await page.waitForTimeout(400);
  await page.screenshot({ path: new URL('../shots/keys-zh.png', import.meta.url).pathname });
  await accessible(page, 'keys');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.keyboard.press('g');
  await page.keyboard.press('2');
  await page.getByRole('heading', { name: '班长台' }).waitFor();
}, true);

await step('operations make and run a campaign', async (page) => {
  await signIn(page, 'ops', password);
  await settled(page);
  await shoot(page, 'board-empty');
  await page.getByRole('link', { name: '外呼批次' }).click();
  await page.getByText('还没有批次').waitFor();
  await shoot(page, 'campaigns-empty');
  await page.getByRole('button', { name: '新建批次' }).first().click();
  const file = join(tmpdir(), `cases-${process.pid}.csv`);
  writeFileSync(file, CASES);
  await page.locator('input[type=file]').setInputFiles(file);
  await page.getByText('每个字段取自').waitFor();
  await page.getByText('<script>window.hacked=1</script>').count();
  await shoot(page, 'new-columns');
  await page.getByRole('button', { name: '检查' }).click();
  await page.getByText('2 行可以导入').waitFor();
  await page.getByText('2 行有误').waitFor();
  await shoot(page, 'new-check');
  await page.getByRole('button', { name: '下一步' }).click();
  await page.getByLabel('批次编号').fill('november');
  await page.getByRole('button', { name: '再加一个话术' }).click();
  await page.getByLabel('份额 B').waitFor();
  await page.getByRole('button', { name: '去掉话术 B' }).click();
  await page.getByLabel('创建后立即启动').check();
  await shoot(page, 'new-settings');
  await page.getByRole('button', { name: '导入并创建' }).click();
  await page.getByRole('heading', { name: /november/ }).waitFor();
  await page.getByText('外呼中').first().waitFor();
  await page.getByRole('link', { name: '实时看板' }).click();
  await page.locator('.live-row').first().waitFor({ timeout: PATIENCE_MS });
  await shoot(page, 'board-live');
  await page.locator('.live-row a').first().click();
  await page.locator('.line.bot').first().waitFor({ timeout: PATIENCE_MS });
  await page.locator('.up').getByText('被叫 · 机器人').waitFor();
  const lines = await page.locator('.line').count();
  await shoot(page, 'call-live');
  await page.waitForFunction((before) => document.querySelectorAll('.line').length > before, lines, { timeout: PATIENCE_MS });
  // Both calls end: the wrong number is done with, the promise is followed up some day.
  await page.goto('/campaigns/november');
  const stands = () => {
    const of = (name) => [...document.querySelectorAll('.figure')].find((figure) => figure.textContent?.includes(name))?.querySelector('.figure-value')?.textContent;
    return of('呼叫中') === '0' && of('已完成') === '1' && of('未到时') === '1';
  };
  await page.waitForFunction(stands, undefined, { timeout: 2 * PATIENCE_MS });
  await page.getByRole('heading', { name: '重呼规则' }).waitFor();
  await shoot(page, 'campaign-done');
  await page.getByRole('link', { name: '结果统计' }).click();
  await page.locator('canvas').first().waitFor();
  await page.waitForTimeout(800);
  await shoot(page, 'results');
  await page.getByRole('link', { name: '外呼批次' }).click();
  await page.getByRole('button', { name: '暂停' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '暂停' }).click();
  await page.getByText('已暂停').first().waitFor();
  await shoot(page, 'campaigns');
  // Who looks a case up is told when its turn comes, and of one that is not here, so.
  await page.goto('/calls?case=c-promises');
  const place = page.locator('.card', { hasText: '案件 c-promises 的排队位置' });
  await place.getByText('未到时').waitFor();
  await place.getByText('已暂停').waitFor();
  await place.locator('time').waitFor();
  await shoot(page, 'calls-place');
  await page.goto('/calls?case=c-nowhere');
  await page.getByText('没有这个案件').waitFor();
});

await step('operations change a campaign that is there', async (page) => {
  await signIn(page, 'ops', password);
  await page.goto('/campaigns/november');
  await page.getByRole('button', { name: '修改日期与速度' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('开始日期').fill('2032-01-01');
  await page.keyboard.press('Enter');
  await dialog.getByLabel('结束日期').fill('2031-12-31');
  await page.keyboard.press('Enter');
  await dialog.getByText('早于开始日期').waitFor();
  await dialog.getByLabel('开始日期').fill('2026-01-01');
  await page.keyboard.press('Enter');
  await dialog.getByLabel('优先级').fill('7');
  await dialog.getByLabel('并发上限').fill('2');
  await page.waitForTimeout(400);
  await page.screenshot({ path: new URL('../shots/campaign-edit-zh.png', import.meta.url).pathname });
  await accessible(page, 'a campaign is changed');
  await dialog.getByRole('button', { name: '保存' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByText('2031-12-31').waitFor();
  check((await page.locator('.facts div', { hasText: '优先级' }).locator('dd').textContent()) === '7', 'what was changed is shown');
  // Somebody else changes it meanwhile: nothing of theirs is written over.
  await page.getByRole('button', { name: '修改日期与速度' }).click();
  await page.evaluate(async () => {
    const { csrf } = await (await fetch('/v1/session')).json();
    const headers = { 'X-Waihu-Csrf': csrf, 'Content-Type': 'application/json', 'If-Match': '*' };
    await fetch('/v1/campaigns/november', { method: 'PATCH', headers, body: '{"pacing":{"priority":8}}' });
  });
  await dialog.getByLabel('份额').fill('3');
  await dialog.getByRole('button', { name: '保存' }).click();
  await dialog.getByText('他人刚刚更改了这个批次').waitFor();
  await dialog.getByRole('button', { name: '取消' }).click();
  await page.locator('.facts div', { hasText: '优先级' }).locator('dd', { hasText: '8' }).waitFor();
});

await step('a report is seen before it goes, and what became of it', async (page) => {
  await signIn(page, 'ops', password);
  await page.getByRole('link', { name: '定期报表' }).click();
  await page.getByText(/还没有计划定期报表|每天/).first().waitFor();
  if (await page.getByText('还没有计划定期报表').count()) return shoot(page, 'reports-none');
  await page.getByText('待发送').first().waitFor({ timeout: PATIENCE_MS });
  await shoot(page, 'reports');
  await page.getByRole('button', { name: '预览: daily' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('不保存，不发送').waitFor();
  await dialog.getByRole('heading', { name: '通话结果' }).waitFor();
  await page.waitForTimeout(400);
  await accessible(page, 'a report');
  await page.screenshot({ path: new URL('../shots/report-zh.png', import.meta.url).pathname });
  const [saved] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: '下载 CSV' }).click()]);
  check(/^daily-.*\.csv$/.test(saved.suggestedFilename()), 'a report can be had as a file');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: /^查看: daily/ }).first().click();
  await dialog.getByRole('heading', { name: '质检' }).waitFor();
});

await step('operations change a strategy in its tables', async (page) => {
  await signIn(page, 'ops', password);
  await page.getByRole('link', { name: '外呼策略' }).click();
  await page.locator('tbody a', { hasText: /^default$/ }).click();
  await page.getByRole('heading', { name: '重呼规则' }).waitFor();
  await page.getByLabel('单案上限').fill('4');
  await page.getByRole('button', { name: '下移 promise-open' }).click();
  await page.getByRole('button', { name: '修改 busy_10_min' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('换时段').click();
  await page.waitForTimeout(400);
  await accessible(page, 'a rung of the ladder');
  await dialog.getByRole('button', { name: '确定' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: '修改 early' }).click();
  await dialog.getByLabel('逾期天数').fill('thirty');
  await dialog.getByRole('button', { name: '确定' }).click();
  await dialog.getByText('写作 30 to 90').waitFor();
  await page.waitForTimeout(400);
  await page.screenshot({ path: new URL('../shots/strategy-rule-zh.png', import.meta.url).pathname });
  await dialog.getByLabel('逾期天数').fill('up to 20');
  await dialog.getByRole('button', { name: '确定' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByLabel('名称').fill('gentle');
  await shoot(page, 'strategy');
  await page.getByRole('button', { name: '另存为新策略' }).click();
  await page.getByText('第 1 版').first().waitFor();
  check(new URL(page.url()).pathname === '/strategies/gentle', 'what was saved is shown');
  await page.reload();
  await page.getByText('≤ 20').waitFor();
  // What the server does not take is told, and nothing is lost.
  await page.getByRole('switch', { name: '文件原文' }).click();
  const source = page.getByRole('textbox', { name: '文件原文' });
  await source.fill(`${await source.inputValue()}\n[limits]\nper_case = 99\n`);
  await page.getByRole('button', { name: '保存为新版本' }).click();
  await page.locator('.note.bad').first().waitFor();
  await shoot(page, 'strategy-wrong');
  await page.getByRole('button', { name: '撤销修改' }).click();
  await page.getByRole('link', { name: '外呼策略' }).click();
  await page.getByRole('link', { name: 'gentle' }).waitFor();
  await shoot(page, 'strategies');
});

await step('a practice campaign is run from the browser', async (page) => {
  await signIn(page, 'ops', password);
  await page.getByRole('link', { name: '演练', exact: true }).click();
  await page.getByText('不呼叫任何真实号码').waitFor();
  await shoot(page, 'practice-none');
  // One callee of them is enough here.
  await page.route('**/v1/practice', (route) => route.continue(route.request().method() === 'POST' ? { postData: JSON.stringify({ cases: ['zh-wrong-person'] }) } : {}));
  await page.getByRole('button', { name: '开始演练' }).first().click();
  await page.getByText('进行中').first().waitFor();
  await page.getByText('已结束').waitFor({ timeout: 3 * PATIENCE_MS });
  check((await page.locator('tbody tr').count()) === 1, 'its calls are told');
  await shoot(page, 'practice');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

await step('compliance finds a call by a word and hears it', async (page) => {
  await signIn(page, 'comp', password);
  await page.getByRole('link', { name: '通话检索' }).click();
  await page.locator('tbody tr').first().waitFor();
  await shoot(page, 'calls');
  await page.getByLabel('通话中说过的话').fill('还款日');
  await page.getByRole('button', { name: '检索', exact: true }).click();
  await page.locator('mark').first().waitFor();
  check(!page.url().includes('words'), 'words stand in no address');
  await shoot(page, 'calls-found');
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: '导出 CSV' }).click()]);
  check(saved.suggestedFilename() === 'calls.csv', 'what was found can be had as a file');
  await page.locator('tbody tr a').first().click();
  await page.locator('.line.callee').first().waitFor();
  await page.getByText('录音无法脱敏').waitFor();
  await inClear(page, '审计检查');
  await playable(page);
  await page.locator('.line.callee').first().click();
  await page.waitForFunction(() => document.querySelector('.line.now'));
  const at = () => page.getByTestId('played').textContent();
  const before = await at();
  await page.waitForTimeout(1500);
  check((await at()) !== before, 'the recording is played');
  await page.getByRole('switch', { name: '为什么这样说' }).click();
  await page.getByRole('button', { name: '查看规则原文' }).first().waitFor();
  await page.getByText('允许').first().waitFor();
  await page.getByRole('button', { name: '核对哈希' }).click();
  await page.getByText('与归档一致').first().waitFor();
  await shoot(page, 'call');
  await page.getByRole('button', { name: '查看规则原文' }).first().click();
  await page.locator('.code .hit').waitFor();
  await page.waitForTimeout(400);
  await page.screenshot({ path: new URL('../shots/call-rule-zh.png', import.meta.url).pathname });
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: '禁呼名单' }).click();
  const enter = page.locator('.card', { hasText: '加入名单' });
  await enter.getByLabel('号码').fill('13800138000');
  await enter.getByLabel('原因').fill('本人来电要求');
  await enter.getByRole('button', { name: '加入名单' }).click();
  await page.getByText('本人来电要求').first().waitFor();
  await page.getByLabel('号码').first().fill('13800138000');
  await page.getByRole('button', { name: '查询号码' }).click();
  await page.getByRole('button', { name: '解除禁呼' }).waitFor();
  await shoot(page, 'do-not-call');
  await page.getByRole('link', { name: '话术版本' }).click();
  await page.getByText('已审批').first().waitFor();
  await shoot(page, 'scripts');
  await page.getByRole('link', { name: '审计日志' }).click();
  await page.getByText(/GET \/v1\/calls\/.*\/recording/).first().waitFor();
  await page.getByRole('button', { name: '立即校验' }).click();
  await page.getByText('条记录全部吻合').waitFor();
  await shoot(page, 'audit');
});

await step('compliance hands a call out, and holds it', async (page) => {
  await signIn(page, 'comp', password);
  await page.getByRole('link', { name: '通话检索' }).click();
  await page.locator('tbody tr a').first().click();
  const bundle = page.getByRole('button', { name: '下载证据包' });
  await bundle.waitFor();
  check(await bundle.isDisabled(), 'nothing is handed out that nobody said what for');
  await inClearByKeys(page, '核查争议');
  const [saved] = await Promise.all([page.waitForEvent('download'), bundle.click()]);
  check(saved.suggestedFilename().endsWith('.zip') && (await saved.failure()) === null, 'a bundle is handed out');
  await saved.saveAs(kept('bundle.zip'));
  await page.getByRole('button', { name: '封存这通电话' }).click();
  await page.getByLabel('原因').fill('11月投诉');
  await page.getByRole('button', { name: '设置封存' }).click();
  await page.getByText('封存中').waitFor();
  check((await page.locator('tbody tr').first().textContent())?.includes('11月投诉'), 'what was held last comes first');
  await shoot(page, 'holds');
  const lift = page.getByRole('row', { name: '11月投诉' }).getByRole('button', { name: '解除封存' });
  await lift.click();
  await page.getByRole('dialog').getByLabel('原因').fill('投诉已了结');
  // As it is where they have signed in a while ago.
  const stale = { status: 403, code: 'sign_in_again', title: 'Sign in once more', title_zh: '请再次登录' };
  await page.route('**/v1/holds/*/lift', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify(stale) }), { times: 2 });
  await page.getByRole('dialog').getByRole('button', { name: '解除封存' }).click();
  const again = page.getByRole('dialog', { name: '请再次登录' });
  // Who does not sign in is back where they began, and nothing is lifted.
  await again.getByRole('button', { name: '取消' }).click();
  await focused(lift);
  await lift.click();
  await page.getByRole('dialog').getByLabel('原因').fill('投诉已了结');
  await page.getByRole('dialog').getByRole('button', { name: '解除封存' }).click();
  await again.getByLabel('密码').fill(`${password} `);
  await again.getByRole('button', { name: '登录', exact: true }).click();
  await again.getByRole('alert').waitFor();
  await again.getByLabel('密码').fill(password);
  await again.getByRole('button', { name: '登录', exact: true }).click();
  await page.getByText(/已解除/).first().waitFor();
});

await step('a person is told what is kept of them, and forgotten', async (page) => {
  await signIn(page, 'comp', password);
  await page.getByRole('link', { name: '个人信息' }).click();
  await page.getByText('先查找一个人').waitFor();
  await shoot(page, 'debtors');
  const find = async (by, what) => {
    await page.getByLabel('查找方式').click();
    await page.locator('.ant-select-item-option', { hasText: by }).click();
    await page.getByLabel('编号或号码').fill(what);
    // While it looks, and a little longer, the button is called "loading" as well.
    await page.getByRole('button', { name: /查找$/ }).click();
  };
  // What became of a promise is told with the person, and on its call's page.
  await find('案件编号', 'c-promises');
  const promiser = page.locator('.card', { hasText: '债务人 c-promises' });
  await promiser.locator('tr', { hasText: '未到期' }).locator('a').first().click();
  await page.locator('.facts div', { hasText: '承诺' }).getByText('未到期').first().waitFor();
  await page.getByRole('link', { name: '个人信息' }).click();
  await page.getByText('先查找一个人').waitFor();
  await find('电话号码', '1003');
  const person = page.locator('.card', { hasText: '债务人 c-wrong' });
  await person.getByText('王…').waitFor();
  check((await person.getByText('王芳').count()) === 0, 'a name is masked until it is said what for');
  await inClear(page, '本人查阅');
  await person.getByText('王芳').waitFor();
  check(!page.url().includes('1003'), 'whom somebody seeks stands in no address');
  await shoot(page, 'debtor');
  const [saved] = await Promise.all([page.waitForEvent('download'), person.getByRole('button', { name: '导出全部信息' }).click()]);
  check(saved.suggestedFilename() === 'c-wrong.zip' && (await saved.failure()) === null, 'all of it is handed out');
  // What is held is not erased, and that is told before somebody tries.
  const hold = (path, body) => page.evaluate(async ({ path, body }) => {
    const { csrf } = await (await fetch('/v1/session')).json();
    return (await fetch(path, { method: 'POST', headers: { 'X-Waihu-Csrf': csrf, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json().catch(() => undefined);
  }, { path, body });
  const { id } = await hold('/v1/holds', { kind: 'case', id: 'c-wrong', why: '11月投诉' });
  await find('案件编号', 'c-wrong');
  await person.getByText('解除之前不能删除').waitFor();
  check(await person.getByRole('button', { name: '删除个人信息' }).isDisabled(), 'what is held cannot be erased');
  await shoot(page, 'debtor-held');
  await hold(`/v1/holds/${id}/lift`, { why: '投诉已了结' });
  await find('债务人编号', 'c-wrong');
  await person.getByRole('button', { name: '删除个人信息' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('原因').fill('11月24日来函');
  await dialog.getByLabel('请输入 c-wrong 以确认').fill('c-wrnog');
  await dialog.getByRole('button', { name: '删除个人信息' }).click();
  await dialog.getByText('与编号不一致').waitFor();
  await page.waitForTimeout(400);
  await accessible(page, 'erasing');
  await page.screenshot({ path: new URL('../shots/debtor-erase-zh.png', import.meta.url).pathname });
  await dialog.getByLabel('请输入 c-wrong 以确认').fill('c-wrong');
  await dialog.getByRole('button', { name: '删除个人信息' }).click();
  await page.getByText('没有保存此人的任何信息').waitFor();
  await page.getByRole('link', { name: '审计日志' }).click();
  await page.getByText('删除个人信息').first().waitFor();
});

await step('compliance sees what calls were judged to be, and hears what it rests on', async (page) => {
  await signIn(page, 'comp', password);
  await page.getByRole('link', { name: '质检' }).click();
  await page.getByText('说出债务之前已确认是本人').first().waitFor();
  await page.locator('tbody a').first().waitFor();
  await shoot(page, 'quality');
  await page.locator('tbody a').first().click();
  const card = page.locator('.card', { hasText: '质检' });
  await card.locator('.checks li').first().waitFor();
  await inClear(page, '质检评审');
  await playable(page);
  const proof = card.locator('.checks button').first();
  await proof.waitFor();
  await proof.click();
  await page.waitForFunction(() => document.querySelector('[data-testid=played]')?.textContent?.startsWith('00:00 /') === false);
  await shoot(page, 'call-quality');
});

await step('a review is filled by one person and looked at by another', async (page) => {
  // Calls are drawn of the day before, which a new store does not have.
  const review = { id: 7, plan: 'critical', day: '2026-11-25', attempt: 'a-1', four_eyes: true, stage: 'first', score: null, opinion: null, drawn_at: '2026-11-26T01:00:00Z', changed_at: '2026-11-26T01:00:00Z' };
  const form = { id: 'call', zh: '通话评审', en: 'a call', pass: 70, question: [{ id: 'identity', zh: '是否先核实本人身份，再谈债务？', en: 'Was the person confirmed before the debt was told?', most: 1, weight: 3, critical: true }, { id: 'courtesy', zh: '用语是否得体、不施压？', en: 'Was the tone courteous, without pressure?', most: 5, weight: 2 }] };
  let whole = { ...review, form, acts: [], may: true, why_not: null };
  let sent;
  await page.route('**/v1/reviews?*', (route) => route.fulfill({ json: { items: [review], next: null } }));
  await page.route('**/v1/reviews/7', async (route) => {
    if (route.request().method() === 'POST') {
      sent = route.request().postDataJSON();
      whole = { ...whole, stage: 'second', acts: [{ stage: 'first', login: 'wang', name: '王芳', at: '2026-11-26T02:00:00Z', answers: sent.answers, score: 88, opinion: 'right', note: sent.note }] };
    }
    await route.fulfill({ json: whole });
  });
  await signIn(page, 'comp', password);
  await page.getByRole('link', { name: '人工评审' }).click();
  await page.getByRole('link', { name: '评审 7' }).waitFor();
  await shoot(page, 'reviews');
  await page.getByRole('link', { name: '评审 7' }).click();
  await page.getByRole('button', { name: '提交评审' }).click();
  await page.getByText('请选择').first().waitFor();
  await page.getByRole('radiogroup').first().getByText('是', { exact: true }).click();
  await page.getByRole('radiogroup').nth(1).getByText('4', { exact: true }).click();
  await page.getByLabel('说明').fill('语速略快');
  await shoot(page, 'review');
  await page.getByRole('button', { name: '提交评审' }).click();
  await page.getByText('王芳').waitFor();
  check(JSON.stringify(sent) === JSON.stringify({ answers: [{ question: 'identity', score: 1 }, { question: 'courtesy', score: 4 }], note: '语速略快' }), `the form is sent as it was filled, not ${JSON.stringify(sent)}`);
  check(await page.getByRole('button', { name: '不同意' }).isDisabled(), 'who disagrees has to say why');
  await shoot(page, 'review-second');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

// Where the program has desks: nobody who is not signed in is told so by another status.
const desks = (await fetch(`${url}/v1/desk`)).status !== 404;

if (desks) await step('an agent takes a call at the desk', async (page) => {
  await earOf(page);
  await signIn(page, 'agent', password);
  await page.getByText('您现在不接来电').waitFor();
  await shoot(page, 'desk-away');
  await page.keyboard.press('1');
  await page.getByText('等待来电').waitFor();
  // Somebody else begins a campaign whose callee wants a person.
  const other = await pageOf(browser, url);
  await signIn(other, 'ops', password);
  const campaign = (id, script, mode, one) =>
    other.evaluate(async ({ id, script, mode, one }) => {
      const { csrf } = await (await fetch('/v1/session')).json();
      const post = async (path, body) => {
        const answer = await fetch(path, { method: 'POST', headers: { 'X-Waihu-Csrf': csrf, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
      };
      await post('/v1/cases', { title: '先生', lang: 'zh', creditor: '安信银行', product: '信用卡', currency: 'CNY', ...one });
      await post('/v1/campaigns', { id, settings: { trunk: 'main', script, pacing: { mode } } });
      await post(`/v1/campaigns/${id}/cases`, { cases: [one.id] });
      await post(`/v1/campaigns/${id}/start`);
    }, { id: `${id}-${RUN}`, script, mode, one: { ...one, id: `${one.id}-${RUN}` } });
  await campaign('persons', 'reminder', 'agentless', { id: 'c-human', phone: MICROPHONE ? process.env.WAIHU_CALLEE : '1007', name: '孙浩', amount: '12000.00', due_date: '2026-11-05' });
  await page.getByRole('alertdialog').waitFor({ timeout: 2 * PATIENCE_MS });
  await page.getByText('孙浩').waitFor();
  await shoot(page, 'desk-offer');
  await page.keyboard.press('a');
  await page.getByText('您与对方已接通').waitFor({ timeout: PATIENCE_MS });
  if (MICROPHONE) {
    // Each hears the other: what the page plays is kept until the callee has answered the agent. Of the first line that
    // the agent says, half may have been said before they were joined.
    await listens(page);
    await page.locator('.line.agent').nth(1).waitFor({ timeout: PATIENCE_MS });
    const said = await page.locator('.line.callee').count();
    await page.waitForFunction((said) => document.querySelectorAll('.line.callee').length > said, said, { timeout: PATIENCE_MS });
    await heard(page, kept('heard.wav'));
  }
  await shoot(page, 'desk-talk');
  // Loaded anew in the middle of it, the page takes the call up again.
  await page.reload();
  await page.getByText('您与对方已接通').waitFor({ timeout: PATIENCE_MS });
  await page.keyboard.press('h');
  await page.getByRole('button', { name: '恢复' }).waitFor();
  await page.keyboard.press('h');
  await page.getByRole('button', { name: '保持' }).waitFor();
  // A supervisor sits in on it, unheard, then heard by the agent alone.
  await other.getByRole('link', { name: '班长台' }).click();
  await other.getByRole('button', { name: '监听' }).first().click();
  await other.getByText('监听中').waitFor({ timeout: PATIENCE_MS });
  await shoot(other, 'talks');
  await other.getByRole('button', { name: '耳语（仅坐席听到）' }).click();
  await other.getByText('耳语中').waitFor();
  await other.getByRole('button', { name: '离开' }).click();
  // To whom it could be handed on, and whom the callee wants in it.
  await page.keyboard.press('t');
  await page.getByRole('dialog').getByText('没有其他坐席在线').waitFor();
  await page.waitForTimeout(400);
  await accessible(page, 'transfer');
  await page.screenshot({ path: new URL('../shots/desk-transfer-zh.png', import.meta.url).pathname });
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.keyboard.press('c');
  await page.getByRole('dialog').getByLabel('号码').fill('1001');
  await page.getByRole('dialog').getByRole('button', { name: '呼叫' }).click();
  await page.locator('.others').waitFor({ timeout: PATIENCE_MS });
  await shoot(page, 'desk-called-in');
  await page.keyboard.press('o');
  await page.locator('.others').waitFor({ state: 'hidden', timeout: PATIENCE_MS });
  await page.keyboard.press('x');
  await page.getByText('话后处理').waitFor();
  await page.getByLabel('结果', { exact: true }).click();
  await page.locator('.ant-select-item-option', { hasText: '承诺还款' }).first().click();
  await page.getByLabel('备注').fill('对方希望延后几天');
  const day = new Date(Date.now() + 2 * 864e5).toISOString().slice(0, 10);
  await page.getByLabel('还款日').fill(day);
  await page.keyboard.press('Enter');
  await page.getByLabel(/金额/).fill('12000');
  await shoot(page, 'desk-wrap-up');
  await page.getByRole('button', { name: '保存' }).click();
  await page.getByText('已保存').waitFor();
  writeFileSync(kept('talk.json'), JSON.stringify({ campaign: `persons-${RUN}`, promise: { date: day, amount: '12000.00' } }));
  await page.getByRole('button', { name: '完成，接下一个' }).click();
  await page.getByText('等待来电').waitFor();
  // Of a preview campaign the case is looked at first, and nobody is called before that.
  await campaign('left', 'handoff-only', 'preview', { id: 'c-script', phone: '1004', name: '<script>window.hacked=1</script>', amount: '12.00', due_date: '2026-11-01' });
  await page.getByRole('region', { name: '先看案件' }).waitFor({ timeout: PATIENCE_MS });
  await page.getByText('<script>window.hacked=1</script>').waitFor();
  await page.keyboard.press('d');
  await page.getByText('等待来电').waitFor();
  await campaign('looked', 'handoff-only', 'preview', { id: 'c-look', phone: '1001', name: '张伟', amount: '3250.00', due_date: '2026-11-15' });
  await page.getByRole('region', { name: '先看案件' }).waitFor({ timeout: PATIENCE_MS });
  await shoot(page, 'desk-look');
  await page.keyboard.press('a');
  await page.getByText('对方接听并确认后直接转给您').waitFor();
  // What the bot says first is spoken before it dials.
  await page.getByText('您与对方已接通').waitFor({ timeout: 3 * PATIENCE_MS });
  await page.keyboard.press('x');
  await page.getByText('话后处理').waitFor();
  await page.getByRole('button', { name: '完成，接下一个' }).click();
  await page.keyboard.press('3');
  wrong.push(...other.wrong);
  await other.context().close();
});

if (desks) await step('a desk shows why it rings, whose time it is there and what may be offered', async (page) => {
  // As the server tells of a call that a colleague asks about, abroad.
  const [at, currency] = [new Date().toISOString(), 'CNY'];
  const offers = [{ date: '2031-12-01', amount: '3250.00', currency }, { date: '2031-12-01', amount: '3250.00', currency, parts: ['01', '15'].map((day) => ({ date: `2031-12-${day}`, amount: '1625.00', currency })) }];
  const card = {
    campaign: 'abroad', case: 'c-abroad', name: '周宁', title: '女士', lang: 'zh', creditor: '安信银行', product: '信用卡', amount: '3250.00', currency, due_date: '2026-11-15', time_zone: 'America/New_York',
    reason: 'hardship', asked_by: '李明', history: [], skills: [], identity: 'confirmed', debt_disclosed: true, mood: null, intents: [], table: null, offers, wanted_at: at,
    authority: { least_part: { amount: '100.00', currency }, max_parts: 2, max_delay_days: 30, max_span_days: 60, discounts: [], approver: null },
  };
  const said = [];
  await page.routeWebSocket('**/v1/desk', (desk) => {
    const tell = (message) => desk.send(JSON.stringify(message));
    const stands = (presence, call) => tell({ type: 'state', agent: { login: 'agent', name: 'agent', skills: {}, langs: ['zh'] }, presence, wish: 'available', since: at, until: null, call, telephone: true, now: new Date().toISOString() });
    desk.onMessage((message) => {
      const heard = JSON.parse(message);
      said.push(heard);
      if (heard.type === 'answer') stands('talking', { attempt: 'a-1', card, lines: [], joined: true, held: false, muted: false });
      if (heard.type === 'wrap_up') tell({ type: 'wrapped', attempt: 'a-1' });
    });
    stands('offered', null);
    tell({ type: 'offer', attempt: 'a-1', until: new Date(Date.now() + 36e5).toISOString(), card });
  });
  await signIn(page, 'agent', password);
  const rings = page.getByRole('alertdialog');
  await rings.getByText('李明').waitFor();
  await rings.getByText(/被叫当地 .*New_York/).waitFor();
  await rings.getByText('2031-12-01 1625.00 CNY + 2031-12-15 1625.00 CNY').waitFor();
  await shoot(page, 'desk-asked');
  await page.keyboard.press('a');
  await page.getByText(/被叫当地 .*New_York/).waitFor();
  await page.getByRole('button', { name: '2031-12-01 3250.00 CNY' }).click();
  await page.getByText('承诺还款').first().waitFor();
  await shoot(page, 'desk-plans');
  await page.getByRole('button', { name: '保存' }).click();
  await page.getByText('已保存').waitFor();
  const { disposition, promise } = said.at(-1);
  check(disposition === 'promise_to_pay' && JSON.stringify(promise) === JSON.stringify(offers[0]), `the plan that was pressed is what came of it, not ${JSON.stringify(said.at(-1))}`);
});

await step('a board tells what needs a person', async (page) => {
  await page.route('**/v1/board', async (route) => {
    const answer = await route.fetch();
    const board = await answer.json();
    board.faults = { calls: 40, trunk: 12, engine: 0 };
    // Each by its own limit: what is far from one is near another.
    board.abandoned = [
      { campaign: 'november', share: 0.019, limit: 0.02, room: 1 },
      { campaign: 'persons', share: 0.01, limit: 0.01, room: 0 },
      { campaign: 'calm', share: 0.02, limit: 0.03, room: 9 },
    ];
    const day = { calls: 100, answered: 90, human: 80, completed: 70, promised: 9, wanted_agent: 50, missed_agent: 1 };
    const going = { state: 'running', waiting: 5, ready: 5, leased: 0, done: 90, day };
    board.campaigns = [{ ...going, id: 'calm' }, { ...going, id: 'november' }, { ...going, id: 'persons' }];
    board.trunks = [{ name: 'main', calls: 15, max_calls: 60, cps: 2.5, max_cps: 5 }, { name: 'spare', calls: 3, max_calls: null, cps: 0.1, max_cps: null }];
    board.readers = [{ name: 'crm', behind: 1200, stuck_since: new Date(Date.parse(board.at) - 3_600_000).toISOString(), set_aside: 3 }];
    board.recognition_wait_s = 1.4;
    await route.fulfill({ response: answer, json: board });
  });
  await signIn(page, 'ops', password);
  await page.getByText('近 10 分钟 40 通中有 12 通因线路失败').waitFor();
  for (const told of ['识别排队超过 1 秒', '批次 persons 的放弃率 1% 已到上限 1%', '批次 november 的放弃率 1.9% 接近上限 2%', '批次 persons 转人工未接 2%，超过上限 1%', '接收方 crm 自', '接收方 crm 拒收了 3 个事件']) await page.getByText(told).waitFor();
  check((await page.locator('.note').first().getAttribute('class')).includes('bad'), 'what is worst comes first');
  for (const quiet of ['批次 calm 的放弃率', '批次 november 转人工未接']) check((await page.getByText(quiet).count()) === 0, `${quiet}: it is within its limit`);
  await page.getByText('1.9% / 2%').waitFor();
  const bars = await page.locator('.load .bar').evaluateAll((all) => all.map((bar) => [bar.getAttribute('aria-label'), bar.firstElementChild.style.width]));
  check(JSON.stringify(bars) === JSON.stringify([['main：同时通话: 15 / 60', '25%'], ['main：每秒新呼叫: 2.5 / 5', '50%']]), `how full a trunk is, not ${JSON.stringify(bars)}`);
  await shoot(page, 'board-alerts');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

await step('a board of a thousand calls stands still', async (page) => {
  let turn = 0;
  await page.route('**/v1/board', async (route) => {
    const answer = await route.fetch();
    const board = await answer.json();
    turn += 1;
    const at = (s) => new Date(Date.now() - s * 1000).toISOString();
    board.calls = Array.from({ length: 1000 }, (_, n) => ({ attempt: `a${n + turn * 3}`, campaign: 'november', case: `C-${n + turn * 3}`, dialled_at: at(n), answered_at: n % 4 ? at(n - 1) : null }));
    board.trunks = [{ name: 'main', calls: 998 + turn, max_calls: 1500, cps: 9.5 + turn, max_cps: 20 }];
    await route.fulfill({ response: answer, json: board });
  });
  await signIn(page, 'ops', password);
  await page.locator('.live-row').first().waitFor();
  await page.waitForTimeout(1000);
  await page.evaluate(() => {
    window.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value))).observe({ type: 'layout-shift' });
  });
  await page.waitForTimeout(7000);
  check(turn >= 3, 'it is asked for again');
  check((await page.locator('.live-row').count()) <= 30, 'only rows in view are drawn');
  check((await page.evaluate(() => window.shifted)) === 0, 'nothing moves when it is fresh');
  await shoot(page, 'board-thousand');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

await step('somebody changes their password and ends other sessions', async (page) => {
  const other = await pageOf(browser, url);
  await signIn(other, 'admin', password);
  await signIn(page, 'admin', password);
  await page.getByRole('link', { name: '我的账号' }).click();
  await page.getByRole('button', { name: '全部结束' }).waitFor();
  await shoot(page, 'account');
  const change = async (old, fresh, again = fresh) => {
    await page.getByLabel('原密码').fill(old);
    await page.getByLabel('新密码', { exact: true }).fill(fresh);
    await page.getByLabel('再次输入新密码').fill(again);
    await page.getByRole('button', { name: '修改密码' }).click();
  };
  await change(password, 'four lamps and a river', 'four lamps and a rover');
  await page.getByText('两次输入不一致').waitFor();
  await change('not the password', 'four lamps and a river');
  await page.getByRole('alert').getByText('原密码有误').waitFor();
  await change(password, 'qwertyuiop12');
  await page.getByRole('alert').getByText(/密码容易被猜到（.+）/).waitFor();
  check(!(await page.getByRole('alert').textContent())?.includes('guessed'), 'why it is refused is told in the language of the reader');
  await page.getByRole('button', { name: '全部结束' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '全部结束' }).click();
  await page.getByText('没有在其他地方登录').waitFor();
  await other.reload();
  await other.getByRole('heading', { name: '登录' }).waitFor();
  await change(password, 'four lamps and a river');
  await page.getByText('密码已修改').waitFor();
  // The session goes on, and what it changes is taken.
  await change('four lamps and a river', password);
  await page.getByText('密码已修改').last().waitFor();
  await page.waitForFunction(() => document.querySelector('input[autocomplete="current-password"]')?.value === '');
  await other.context().close();
});

await step('an administrator adds an agent whose desk answers by itself, and changes what they can do', async (page) => {
  await signIn(page, 'admin', password);
  await page.getByRole('link', { name: '人员' }).click();
  await page.getByRole('button', { name: '新增人员' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('用户名').fill(`zhou.${RUN}`);
  await dialog.getByLabel('姓名').fill('周宁');
  await dialog.getByLabel('密码').fill('three boats beside a lamp');
  await dialog.getByLabel('接听方式').click();
  await page.locator('.ant-select-item-option', { hasText: '自动接听' }).click();
  await page.waitForTimeout(400);
  await accessible(page, 'adding somebody');
  await page.screenshot({ path: new URL('../shots/people-add-zh.png', import.meta.url).pathname });
  await dialog.getByRole('button', { name: '新增人员' }).click();
  await dialog.waitFor({ state: 'hidden' });
  // Where a window was opened, whoever works by keys goes on.
  await focused(page.getByRole('button', { name: '新增人员' }));
  const row = page.locator('tr', { hasText: '周宁' });
  await row.getByText('自动接听').waitFor();
  await row.getByRole('button', { name: '修改' }).click();
  await page.waitForTimeout(400);
  await accessible(page, 'changing somebody');
  await page.screenshot({ path: new URL('../shots/people-change-zh.png', import.meta.url).pathname });
  await dialog.getByLabel('技能').fill('hardship=6');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText('技能等级应为 1 至 5').waitFor();
  await dialog.getByLabel('技能').fill('hardship=5, dispute');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await row.getByText('dispute 3 · hardship 5').waitFor();
  await focused(row.getByRole('button', { name: '修改' }));
  await row.getByRole('button', { name: '停用' }).click();
  await dialog.getByRole('button', { name: '取消' }).click();
  await focused(row.getByRole('button', { name: '停用' }));
});

/** The code that an authenticator app shows at a step of time (RFC 6238). */
const codeAt = (secret, step) => {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const tag = createHmac('sha1', key).update(counter).digest();
  return String((tag.readUInt32BE(tag[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
};

await step('an agent sets up a second factor, signs in with a code, and switches it off', async (page) => {
  const [name, own] = [`zhou.${RUN}`, 'three boats beside a lamp'];
  const stepNow = () => Math.floor(Date.now() / 30_000);
  let [secret, last] = ['', 0];
  /** A code that was not used, once it is taken: no earlier than a step before its own. */
  const fresh = async () => {
    last = Math.max(last + 1, stepNow());
    while (stepNow() < last - 1) await page.waitForTimeout(500);
    return codeAt(secret, last);
  };
  await signIn(page, name, own);
  await page.getByRole('link', { name: '我的账号' }).click();
  await page.getByRole('button', { name: '设置双因素认证' }).click();
  secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
  check(/^[A-Z2-7]{32}$/.test(secret), 'the key can be typed in');
  await page.getByText(`otpauth://totp/waihu:${name}?secret=${secret}`).waitFor();
  await shoot(page, 'factor');
  const confirm = async (code) => {
    await page.getByLabel('验证码').fill(code);
    await page.getByRole('button', { name: '启用', exact: true }).click();
  };
  await confirm('12345');
  await page.getByText('请输入 6 位数字的验证码').waitFor();
  await confirm('000000');
  await page.getByRole('alert').getByText('验证码有误或已使用').waitFor();
  await confirm(await fresh());
  await page.getByText('双因素认证已启用').first().waitFor();
  await page.getByRole('button', { name: '退出登录' }).click();

  await enter(page, name, own);
  await page.getByLabel('验证码').fill('000000');
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await page.getByRole('alert').getByText('验证码有误或已使用').waitFor();
  await shoot(page, 'sign-code');
  const code = await fresh();
  await page.getByLabel('验证码').fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await page.getByRole('navigation').waitFor();

  await page.getByRole('link', { name: '我的账号' }).click();
  const card = page.locator('.card', { hasText: '关闭双因素认证' });
  await card.getByLabel('验证码').fill(code);
  await card.getByRole('button', { name: '关闭双因素认证' }).click();
  await card.getByRole('alert').getByText('验证码有误或已使用').waitFor();
  await shoot(page, 'factor-on');
  await card.getByLabel('验证码').fill(await fresh());
  await card.getByRole('button', { name: '关闭双因素认证' }).click();
  await page.getByText('双因素认证已关闭').first().waitFor();
  await page.getByRole('button', { name: '设置双因素认证' }).waitFor();
});

await step('who owes something first sees nothing else', async (page) => {
  for (const [owed, title, act] of [['password', '请先修改密码', '修改密码'], ['second_factor', '请先设置双因素认证', '设置双因素认证']]) {
    await page.route('**/v1/session', async (route) => {
      const answer = await route.fetch();
      // What is asked is the server's to say; here it is how that looks.
      if (answer.ok() && route.request().method() !== 'DELETE') await route.fulfill({ response: answer, json: { ...(await answer.json()), owed } });
      else await route.fulfill({ response: answer });
    });
    await enter(page, 'ops', password);
    await page.getByRole('heading', { name: title }).waitFor();
    await page.getByRole('button', { name: act }).waitFor();
    check((await page.getByRole('navigation').count()) === 0, 'there is no other page to go to');
    await shoot(page, `owed-${owed}`);
    await page.getByRole('button', { name: '退出登录' }).click();
    await page.getByRole('heading', { name: '登录' }).waitFor();
    await page.unrouteAll({ behavior: 'ignoreErrors' });
  }
});

// What each role is offered, and nothing else.
const OFFERED = {
  ops: ['实时看板', '班长台', '外呼批次', '外呼策略', '演练', '通话检索', '质检', '结果统计', '定期报表', '话术版本', '禁呼名单', '人员'],
  comp: ['实时看板', '外呼批次', '外呼策略', '通话检索', '质检', '人工评审', '结果统计', '定期报表', '话术版本', '禁呼名单', '封存', '个人信息', '审计日志'],
  agent: ['坐席工作台', '外呼批次'],
  admin: ['实时看板', '外呼批次', '外呼策略', '结果统计', '定期报表', '话术版本', '禁呼名单', '审计日志', '人员'],
};
const REFUSED = { ops: ['/audit', '/desk', '/holds', '/debtors'], comp: ['/campaigns/new', '/desk', '/practice'], agent: ['/calls', '/board', '/audit', '/do-not-call', '/strategies', '/holds', '/debtors', '/reports'], admin: ['/calls', '/debtors', '/campaigns/new'] };

for (const [name, offered] of Object.entries(OFFERED)) {
  await step(`${name} sees its own pages alone`, async (page) => {
    await signIn(page, name, password);
    const links = await page.getByRole('navigation').getByRole('listitem').allTextContents();
    check(links.join() === offered.join(), `${name} is offered ${offered.join()}, not ${links.join()}`);
    if (name === 'agent') await shoot(page, 'desk');
    if (name === 'admin') {
      await page.getByRole('link', { name: '人员' }).click();
      await page.getByText('可登录').first().waitFor();
      await shoot(page, 'people');
    }
    for (const path of REFUSED[name]) {
      await page.goto(path);
      await page.getByText('此页面不属于您的角色').waitFor();
    }
    await page.goto('/no/such/page');
    await page.getByText('没有这个页面').waitFor();
    if (name === 'ops') await shoot(page, 'none');
    await page.getByRole('button', { name: '退出登录' }).click();
    await page.getByRole('heading', { name: '登录' }).waitFor();
  });
}

await browser.close();
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
