// A campaign from a file: its columns mapped, its rows checked by the server, then what it is to do.
import { App, Button, Checkbox, DatePicker, Form, Input, InputNumber, Progress, Select } from 'antd';
import type { Dayjs } from 'dayjs';
import { useState, type DragEvent } from 'react';
import { ask, client, part, Problem, said, type Shape } from '../client';
import { download } from '../csv';
import { Card, Head, Nothing, Scroll, Shown, Trouble } from '../parts';
import { useQuery } from '../query';
import { go } from '../router';
import { useWords } from '../session';
import { caseOf, guess, readTable, type From, type TableFile } from '../table-file';

type Column = Shape['CaseColumn'];
type Choices = Shape['Choices'];
type Version = Shape['Version'];

/** Cases that go at once: as many as the server takes. */
const BATCH = 1000;
/** The most scripts side by side, and the largest share of one: what the server takes. */
const [MOST_SCRIPTS, MOST_SHARE] = [20, 1_000_000];
/** The wrong rows that are shown; all of them are in the file that can be had. */
const SHOWN = 200;

interface Wrong {
  row: number;
  field: string;
  detail: string;
  value: string;
}
interface Checked {
  right: Record<string, unknown>[];
  wrong: Wrong[];
  wrongRows: number;
}
type Numbered = { row: number; fields: Record<string, unknown> };

const send = (cases: Record<string, unknown>[], check?: 'only') => ask(client.POST('/v1/cases', { params: { query: { check } }, body: cases as never }));

/** Asks about a batch until nothing of what is left is wrong: only so many faults are told at once. */
const checkBatch = async (batch: Numbered[], wrong: Wrong[]): Promise<Numbered[]> => {
  for (let left = batch; left.length; ) {
    try {
      await send(left.map(({ fields }) => fields), 'only');
      return left;
    } catch (problem) {
      const errors = problem instanceof Problem ? (problem.told.errors ?? []) : [];
      if (!errors.length) throw problem;
      const bad = new Set(errors.map(({ index }) => index));
      for (const { index, field, detail } of errors) {
        const there = left[index];
        if (there) wrong.push({ row: there.row, field: field ?? '', detail, value: String(there.fields[field ?? ''] ?? '') });
      }
      left = left.filter((_, index) => !bad.has(index));
    }
  }
  return [];
};

const Steps = ({ at }: { at: number }) => {
  const { t } = useWords();
  return (
    <ol className="steps">
      {(['new.file', 'new.map', 'new.check', 'new.settings'] as const).map((name, index) => (
        <li key={name} aria-current={index === at ? 'step' : undefined} className={index < at ? 'past' : ''}><b>{index + 1}</b>{t(name)}</li>
      ))}
    </ol>
  );
};

const Choose = ({ chosen }: { chosen: (file: File) => void }) => {
  const { t } = useWords();
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file) chosen(file);
  };
  return (
    <Card>
      <label className={`drop ${over ? 'over' : ''}`} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <input type="file" accept=".csv,text/csv,text/plain" onChange={(event) => event.target.files?.[0] && chosen(event.target.files[0])} />
        <strong>{t('new.drop')}</strong><br /><span className="soft">{t('new.drop.lead')}</span>
      </label>
    </Card>
  );
};

const Mapping = ({ file, keys, from, set }: { file: TableFile; keys: Column[]; from: Record<string, From>; set: (key: string, from: From) => void }) => {
  const { t, lang } = useWords();
  const first = file.rows[0] ?? [];
  return (
    <Card title={<>{file.name} <span className="soft small">{t('new.rows', { n: file.rows.length })}</span></>}>
      <p className="soft" style={{ marginBottom: 8 }}>{t('new.map.lead')}</p>
      <Scroll>
        <table className="plain-table">
          <thead><tr><th>{t('new.field')}</th><th>{t('new.column')}</th><th>{t('new.example')}</th></tr></thead>
          <tbody>
            {keys.map(({ key, told, required }) => {
              const where = from[key];
              const fixed = where && 'fixed' in where;
              return (
                <tr key={key}>
                  <td><code>{key}</code> {required && <span className="small" style={{ color: 'var(--bad)' }}>{t('new.required')}</span>}<br /><span className="soft small">{part(told, lang)}</span></td>
                  <td>
                    <Select style={{ width: 220 }} aria-label={`${t('new.column')}: ${key}`} showSearch={{ optionFilterProp: 'label' }} value={where === undefined ? '' : fixed ? 'fixed' : where.column}
                      options={[{ value: '', label: t('new.unmapped') }, { value: 'fixed', label: t('new.fixed') }, ...file.columns.map((name, index) => ({ value: index, label: name }))]}
                      onChange={(chosen: string | number) => set(key, chosen === '' ? undefined : chosen === 'fixed' ? { fixed: '' } : { column: Number(chosen) })} />
                    {fixed && <Input style={{ width: 160, marginLeft: 8 }} aria-label={t('new.fixed.value', { field: key })} value={where.fixed} maxLength={80} onChange={(event) => set(key, { fixed: event.target.value })} />}
                  </td>
                  <td className="soft">{where && !fixed ? first[where.column] : ''}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
};

const Report = ({ of: { right, wrong, wrongRows } }: { of: Checked }) => {
  const { t, lang, num } = useWords();
  return (
    <Card className="flush" title={t('new.check')} extra={wrong.length > 0 && <Button onClick={() => download('wrong-rows.csv', [['row', 'field', 'value', 'what'], ...wrong.map((w) => [w.row, w.field, w.value, w.detail])])}>{t('new.report')}</Button>}>
      <div style={{ padding: '0 16px 12px' }} aria-live="polite">
        {right.length > 0 && <p className="note good">{t('new.right', { n: num(right.length) })}</p>}
        {wrongRows > 0 && <p className="note warn">{t('new.wrong', { n: num(wrongRows) })}</p>}
        {right.length === 0 && <p className="note bad">{t('new.nothing')}</p>}
      </div>
      {wrong.length > 0 && (
        <Scroll style={{ maxHeight: 360 }}>
          <table className="plain-table">
            <thead><tr><th className="r">{t('new.row')}</th><th>{t('new.field')}</th><th>{t('new.value')}</th><th>{t('new.what')}</th></tr></thead>
            <tbody>{wrong.slice(0, SHOWN).map((w, index) => <tr key={index}><td className="r">{w.row}</td><td><code>{w.field}</code></td><td>{w.value}</td><td>{part(w.detail, lang)}</td></tr>)}</tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
};

interface Given {
  id: string;
  scripts: { script?: string; share?: number | null }[];
  trunk: string;
  strategy: string;
  mode: string;
  max_calls?: number;
  days?: [Dayjs | null, Dayjs | null];
  start?: boolean;
}

/** What a script is called beside others. */
const letter = (index: number) => String.fromCharCode(65 + index);

/** The script; or several of them side by side, each with its share of the cases. */
const Scripts = ({ approved }: { approved: Version[] }) => {
  const { t, time } = useWords();
  const given = (Form.useWatch('scripts') as Given['scripts'] | undefined) ?? [];
  const all = given.reduce((sum, row) => sum + (row?.share ?? 0), 0);
  const options = [...approved].reverse().map((version) => ({ value: `${version.flow}@${version.sha256}`, label: `${version.flow} · ${version.sha256.slice(0, 8)} · ${time(version.acts.at(-1)?.at)}` }));
  const another = (index: number) => ({ validator: (_: unknown, script?: string) => (script && given.slice(0, index).some((row) => row?.script === script) ? Promise.reject(new Error(t('new.script.same'))) : Promise.resolve()) });
  return (
    <div style={{ gridColumn: '1 / -1', marginBottom: 16 }}>
      <Form.List name="scripts">
        {(rows, { add, remove }) => (
          <>
            {rows.map(({ key, name }) => (
              <div className="form" key={key}>
                <Form.Item name={[name, 'script']} label={rows.length > 1 ? `${t('campaign.script')} ${letter(name)}` : t('campaign.script')} extra={approved.length ? undefined : t('new.script.none')} rules={[{ required: true, message: t(approved.length ? 'desk.need' : 'new.script.none') }, another(name)]}><Select options={options} /></Form.Item>
                {rows.length > 1 && <Form.Item name={[name, 'share']} label={`${t('new.share')} ${letter(name)}`} extra={all > 0 && given[name]?.share ? t('new.share.of', { n: Math.round((100 * (given[name]?.share ?? 0)) / all) }) : undefined} rules={[{ required: true, type: 'integer', min: 1, max: MOST_SHARE, message: t('new.share.need', { n: MOST_SHARE }) }]}><InputNumber style={{ width: '100%' }} /></Form.Item>}
                {rows.length > 1 && <Button size="small" onClick={() => remove(name)}>{t('new.script.less', { name: letter(name) })}</Button>}
              </div>
            ))}
            {rows.length < MOST_SCRIPTS && approved.length > 0 && <Button size="small" onClick={() => add({ share: 1 })}>{t('new.script.more')}</Button>}
            {rows.length > 1 && <p className="soft small" style={{ marginTop: 8 }}>{t('new.script.lead')}</p>}
          </>
        )}
      </Form.List>
    </div>
  );
};

const SettingsForm = ({ choices, scripts, make, busy, name }: { choices: Choices; scripts: Version[]; make: (given: Given) => void; busy: boolean; name: string }) => {
  const { t } = useWords();
  const approved = scripts.filter((version) => version.approved);
  // There is one without a file as well.
  const strategies = choices.strategies.length ? choices.strategies : ['default'];
  return (
    <Card title={t('new.settings')}>
      <Form<Given> layout="vertical" onFinish={make} requiredMark={false} className="form" disabled={busy}
        initialValues={{ id: name, scripts: [{ script: approved.at(-1) && `${approved.at(-1)?.flow}@${approved.at(-1)?.sha256}`, share: 1 }], trunk: choices.trunks[0]?.name, strategy: strategies.includes('default') ? 'default' : strategies[0], mode: 'agentless' }}>
        <Form.Item name="id" label={t('new.id')} extra={t('new.id.help')} rules={[{ required: true, pattern: /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/, message: t('new.id.help') }]}><Input maxLength={64} /></Form.Item>
        <Scripts approved={approved} />
        <Form.Item name="trunk" label={t('campaign.trunk')} rules={[{ required: true, message: t('new.trunk.none') }]}>
          <Select options={choices.trunks.map(({ name, profile, max_calls }) => ({ value: name, label: `${name} · ${t('new.trunk.profile', { profile: profile || '–', n: max_calls })}` }))} />
        </Form.Item>
        <Form.Item name="strategy" label={t('campaign.strategy')}><Select options={strategies.map((name) => ({ value: name, label: name }))} /></Form.Item>
        <Form.Item name="mode" label={t('campaign.pacing')}><Select options={(['agentless', 'preview', 'progressive', 'predictive'] as const).map((mode) => ({ value: mode, label: t(`pacing.${mode}`) }))} /></Form.Item>
        <Form.Item name="max_calls" label={t('campaign.max_calls')}><InputNumber min={1} max={10000} style={{ width: '100%' }} /></Form.Item>
        <Form.Item name="days" label={`${t('campaign.from')} – ${t('campaign.until')}`}><DatePicker.RangePicker allowEmpty={[true, true]} style={{ width: '100%' }} /></Form.Item>
        <Form.Item name="start" valuePropName="checked" label=" "><Checkbox>{t('new.start')}</Checkbox></Form.Item>
        <div style={{ gridColumn: '1 / -1' }}><Button type="primary" htmlType="submit" loading={busy} disabled={!approved.length || !choices.trunks.length}>{t('new.go')}</Button></div>
      </Form>
    </Card>
  );
};

const NewCampaign = () => {
  const { t, lang } = useWords();
  const { message } = App.useApp();
  const query = useQuery(async () => ({ choices: await ask(client.GET('/v1/choices')), scripts: await ask(client.GET('/v1/scripts')) }), 'choices');
  const [step, setStep] = useState(0);
  const [file, setFile] = useState<TableFile>();
  const [from, setFrom] = useState<Record<string, From>>({});
  const [checked, setChecked] = useState<Checked>();
  const [done, setDone] = useState<{ done: number; all: number; word: 'new.checking' | 'new.importing' }>();
  const [problem, setProblem] = useState<unknown>();
  const keys = query.data?.choices.case_keys ?? [];
  const missing = keys.filter(({ key, required }) => required && (from[key] === undefined || ('fixed' in from[key] && !from[key].fixed)));

  const chosen = async (given: File) => {
    const table = await readTable(given);
    setFile(table);
    setFrom(Object.fromEntries(keys.map(({ key }) => [key, guess(key, table.columns)])));
    setStep(1);
  };
  const check = async () => {
    if (!file) return;
    setStep(2);
    setChecked(undefined);
    setProblem(undefined);
    const rows: Numbered[] = file.rows.map((row, index) => ({ row: index + 2, fields: caseOf(row, from) }));
    const [right, wrong]: [Numbered[], Wrong[]] = [[], []];
    try {
      for (let at = 0; at < rows.length; at += BATCH) {
        setDone({ done: at, all: rows.length, word: 'new.checking' });
        right.push(...(await checkBatch(rows.slice(at, at + BATCH), wrong)));
      }
      setChecked({ right: right.map(({ fields }) => fields), wrong, wrongRows: rows.length - right.length });
    } catch (problem) {
      setProblem(problem);
    } finally {
      setDone(undefined);
    }
  };
  const make = async (given: Given) => {
    const cases = checked?.right ?? [];
    setProblem(undefined);
    try {
      setDone({ done: 0, all: cases.length, word: 'new.importing' });
      const settings = {
        trunk: given.trunk, strategy: given.strategy,
        ...(given.scripts.length > 1 ? { variant: given.scripts.map((row, index) => ({ ...row, name: letter(index) })) } : { script: given.scripts[0]?.script }),
        from: given.days?.[0]?.format('YYYY-MM-DD'), until: given.days?.[1]?.format('YYYY-MM-DD'),
        pacing: { mode: given.mode, max_calls: given.max_calls ?? undefined },
      };
      await ask(client.POST('/v1/campaigns', { body: { id: given.id, settings: settings as never } }));
      let placed = 0;
      for (let at = 0; at < cases.length; at += BATCH) {
        setDone({ done: at, all: cases.length, word: 'new.importing' });
        const batch = cases.slice(at, at + BATCH);
        await send(batch);
        const path = { campaign: given.id };
        placed += (await ask(client.POST('/v1/campaigns/{campaign}/cases', { params: { path }, body: { cases: batch.map(({ id }) => String(id)) } }))).placed;
      }
      if (given.start) await ask(client.POST('/v1/campaigns/{campaign}/start', { params: { path: { campaign: given.id } } }));
      void message.success(t('new.made', { id: given.id, n: placed }));
      go(`/campaigns/${given.id}`);
    } catch (problem) {
      setProblem(problem);
      void message.error(said(problem, lang), 6);
    } finally {
      setDone(undefined);
    }
  };
  const name = (file?.name ?? '').replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[.-]+/, '').slice(0, 40);
  return (
    <>
      <Head title={t('new.title')} />
      <Steps at={step} />
      {problem !== undefined && <Trouble problem={problem} />}
      <Shown query={query}>
        {({ choices, scripts }) => (
          <>
            {step === 0 && <Choose chosen={(file) => void chosen(file)} />}
            {step === 1 && file && <Mapping file={file} keys={keys} from={from} set={(key, where) => setFrom((before) => ({ ...before, [key]: where }))} />}
            {step === 1 && missing.length > 0 && <p className="note warn" role="status">{t('new.missing', { fields: missing.map(({ key }) => key).join(', ') })}</p>}
            {done && <Card><p role="status">{t(done.word, { done: done.done, all: done.all })}</p><Progress percent={done.all ? Math.round((done.done / done.all) * 100) : 0} aria-label={t(done.word, { done: done.done, all: done.all })} /></Card>}
            {step === 2 && checked && (file?.rows.length ? <Report of={checked} /> : <Card><Nothing title={t('new.nothing')} /></Card>)}
            {step === 3 && <SettingsForm choices={choices} scripts={scripts} make={(given) => void make(given)} busy={done !== undefined} name={name || 'campaign'} />}
            <div className="acts" style={{ marginTop: 16 }}>
              {step > 0 && <Button onClick={() => setStep(step - 1)} disabled={done !== undefined}>{t('do.back')}</Button>}
              {step === 1 && <Button type="primary" disabled={missing.length > 0} onClick={() => void check()}>{t('new.check')}</Button>}
              {step === 2 && <Button type="primary" disabled={!checked?.right.length} onClick={() => setStep(3)}>{t('do.next')}</Button>}
            </div>
          </>
        )}
      </Shown>
    </>
  );
};

export default NewCampaign;
