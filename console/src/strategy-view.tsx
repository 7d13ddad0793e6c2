// A strategy as tables: limits and order, which cases are called and with what, what follows each end of a call. Given
// a way to change it, its rows can be moved, edited, added and taken away.
import { ArrowDownOutlined, ArrowUpOutlined } from '@ant-design/icons';
import { Button, Form, Input, InputNumber, Select, Switch } from 'antd';
import { useState, type ReactNode } from 'react';
import { Dialog } from './dialog';
import { Facts, Scroll } from './parts';
import { useWords, type Words } from './session';
import { LISTS, SPAN, SPANS, UNREACHED, WAIT, type Rule, type Step, type Strategy, type When } from './strategy-file';
import { namesOf } from './words';

type Change = (strategy: Strategy) => void;

/** A span or a wait, in words. */
const inWords = ({ t, n }: Words, text: string): string => {
  const open = /^(from|up to) (\S+)$/.exec(text);
  if (open) return `${open[1] === 'from' ? '≥' : '≤'} ${open[2]}`;
  const span = /^(\S+) to (\S+)$/.exec(text);
  if (span) return `${span[1]} – ${span[2]}`;
  const wait = /^(\d+) (minute|hour|day)s?$/.exec(text);
  return wait ? t('strategy.lasts', { n: wait[1] ?? '', unit: n('unit', wait[2] ?? '') }) : text;
};

const GROUP: Record<string, string> = { kind: 'kind', promise: 'promise' };

const whenText = (words: Words, when: When | undefined): string => {
  const { t, n } = words;
  const told = Object.entries(when ?? {}).map(([key, value]) => `${n('when', key)} ${Array.isArray(value) ? value.map((of) => n(GROUP[key] ?? key, of)).join(' / ') : inWords(words, value)}`);
  return told.length ? told.join('; ') : t('strategy.when.all');
};

interface Given extends Omit<Rule, 'when'> {
  when: When;
}

/** One rule: who it is for, where its cases stand, by which script. */
const RuleForm = ({ rule, done, close }: { rule?: Rule; done: (rule: Rule) => void; close: () => void }) => {
  const { t, n } = useWords();
  const [form] = Form.useForm<Given>();
  const out = Form.useWatch('leave_out', form);
  const keep = (given: Given) => {
    const when = Object.fromEntries(Object.entries(given.when ?? {}).filter(([, value]) => value?.length));
    done({ ...given, rank: given.leave_out ? undefined : given.rank, script: given.leave_out ? undefined : given.script, when: Object.keys(when).length ? when : undefined });
  };
  return (
    <Dialog title={t('strategy.rule')} okText={t('do.ok')} cancelText={t('do.cancel')} width={760} onCancel={close} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} className="form" onFinish={keep} initialValues={{ rank: 1000, ...rule }}>
        <Form.Item name="id" label={t('strategy.id')} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]*$/, message: t('strategy.id.help') }]}><Input maxLength={64} /></Form.Item>
        <Form.Item name="zh" label={t('strategy.zh')} rules={[{ required: true, message: t('desk.need') }]}><Input maxLength={120} /></Form.Item>
        <Form.Item name="en" label={t('strategy.en')} rules={[{ required: true, message: t('desk.need') }]}><Input maxLength={120} /></Form.Item>
        <Form.Item name="leave_out" valuePropName="checked" label={t('strategy.leave_out')}><Switch /></Form.Item>
        {!out && <Form.Item name="rank" label={t('strategy.rank')} rules={[{ required: true, message: t('desk.need') }]}><InputNumber min={0} max={1_000_000} style={{ width: '100%' }} /></Form.Item>}
        {!out && <Form.Item name="script" label={t('campaign.script')}><Input maxLength={160} placeholder={t('strategy.script.campaign')} /></Form.Item>}
        <p className="soft small" style={{ gridColumn: '1 / -1' }}>{t('strategy.when.help')}</p>
        {Object.entries(LISTS).map(([key, known]) => <Form.Item key={key} name={['when', key]} label={n('when', key)}><Select mode={known ? 'multiple' : 'tags'} allowClear options={(known ?? []).map((value) => ({ value, label: n(GROUP[key] ?? key, value) }))} /></Form.Item>)}
        {SPANS.map((key) => <Form.Item key={key} name={['when', key]} label={n('when', key)} rules={[{ pattern: SPAN, message: t('strategy.span') }]}><Input maxLength={40} placeholder="30 to 90" /></Form.Item>)}
      </Form>
    </Dialog>
  );
};

/** One rung of the ladder: after which ends, how long it waits. */
const StepForm = ({ step, done, close }: { step?: Step; done: (step: Step) => void; close: () => void }) => {
  const { t, n } = useWords();
  const [form] = Form.useForm<Step>();
  const waits = (_: unknown, given?: string[]) => (given?.every((wait) => WAIT.test(wait)) ?? true ? Promise.resolve() : Promise.reject(new Error(t('strategy.wait.help'))));
  return (
    <Dialog title={t('strategy.step')} okText={t('do.ok')} cancelText={t('do.cancel')} width={640} onCancel={close} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(given) => done({ ...given, wait: given.wait?.length ? given.wait : undefined, number: given.number === 'case' ? undefined : given.number })} initialValues={{ number: 'case', ...step }}>
        <Form.Item name="id" label={t('strategy.id')} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]*$/, message: t('strategy.id.help') }]}><Input maxLength={64} /></Form.Item>
        <Form.Item name="after" label={t('strategy.after')} rules={[{ required: true, message: t('desk.need') }]}><Select mode="multiple" optionFilterProp="label" options={namesOf('ended').map((value) => ({ value, label: n('ended', value) }))} /></Form.Item>
        <Form.Item name="wait" label={t('strategy.wait')} extra={t('strategy.wait.help')} rules={[{ validator: waits }]}><Select mode="tags" tokenSeparators={[',', '，']} options={['10 minutes', '30 minutes', '2 hours', '4 hours', '1 day', '3 days', '7 days'].map((value) => ({ value, label: value }))} /></Form.Item>
        <Form.Item name="number" label={t('strategy.number')}><Select options={(['case', 'number', 'drop'] as const).map((value) => ({ value, label: t(`strategy.number.${value}`) }))} /></Form.Item>
        <Form.Item name="other_part_of_day" valuePropName="checked" label={t('strategy.other_part')}><Switch /></Form.Item>
      </Form>
    </Dialog>
  );
};

/** A cell by which a row is moved, edited and taken away. */
const RowActs = ({ at, of, set, edit, name }: { at: number; of: unknown[]; set: (rows: unknown[]) => void; edit: () => void; name: string }) => {
  const { t } = useWords();
  const move = (by: number) => {
    const rows = [...of];
    [rows[at], rows[at + by]] = [rows[at + by], rows[at]];
    set(rows);
  };
  return (
    <td>
      <div className="acts">
        <Button size="small" icon={<ArrowUpOutlined aria-hidden />} aria-label={t('strategy.up', { name })} disabled={at === 0} onClick={() => move(-1)} />
        <Button size="small" icon={<ArrowDownOutlined aria-hidden />} aria-label={t('strategy.down', { name })} disabled={at + 1 === of.length} onClick={() => move(1)} />
        <Button size="small" aria-label={t('strategy.edit.one', { name })} onClick={edit}>{t('strategy.edit')}</Button>
        <Button size="small" danger aria-label={t('strategy.remove.one', { name })} onClick={() => set(of.filter((_, index) => index !== at))}>{t('strategy.remove')}</Button>
      </div>
    </td>
  );
};

const Table = ({ title, lead, extra, children }: { title: string; lead: string; extra?: ReactNode; children: ReactNode }) => (
  <section>
    <div className="card-head strategy-head"><div><h3>{title}</h3><p className="soft small">{lead}</p></div>{extra}</div>
    <Scroll>{children}</Scroll>
  </section>
);

/** Puts a row in the place of another, or at the end. */
const put = <T,>(rows: T[], at: number, row: T): T[] => (at < rows.length ? rows.map((of, index) => (index === at ? row : of)) : [...rows, row]);

const Rules = ({ of, change }: { of: Strategy; change?: Change }) => {
  const words = useWords();
  const { t, lang, num } = words;
  const [edited, setEdited] = useState<number>();
  const rules = of.rule ?? [];
  return (
    <Table title={t('strategy.rules')} lead={t('strategy.rules.lead')} extra={change && <Button size="small" onClick={() => setEdited(rules.length)}>{t('strategy.add')}</Button>}>
      <table className="plain-table">
        <thead><tr><th className="r">#</th><th>{t('strategy.what')}</th><th>{t('strategy.when')}</th><th className="r">{t('strategy.rank')}</th><th>{t('campaign.script')}</th>{change && <th />}</tr></thead>
        <tbody>
          {rules.map((rule, at) => (
            <tr key={rule.id}>
              <td className="r">{at + 1}</td>
              <td>{rule[lang]}<br /><code className="soft small">{rule.id}</code></td>
              <td>{whenText(words, rule.when)}</td>
              <td className="r">{rule.leave_out ? t('strategy.left_out') : num(rule.rank ?? 0)}</td>
              <td>{rule.leave_out ? '–' : (rule.script?.replace(/@(.{8}).*/, '@$1') ?? <span className="soft">{t('strategy.script.campaign')}</span>)}</td>
              {change && <RowActs at={at} of={rules} name={rule.id} set={(rule) => change({ ...of, rule: rule as Rule[] })} edit={() => setEdited(at)} />}
            </tr>
          ))}
        </tbody>
      </table>
      {change && edited !== undefined && <RuleForm rule={rules[edited]} close={() => setEdited(undefined)} done={(rule) => { change({ ...of, rule: put(rules, edited, rule) }); setEdited(undefined); }} />}
    </Table>
  );
};

const Steps = ({ of, change }: { of: Strategy; change?: Change }) => {
  const words = useWords();
  const { t, n } = words;
  const [edited, setEdited] = useState<number>();
  const steps = of.ladder ?? [];
  return (
    <Table title={t('strategy.ladder')} lead={t('strategy.ladder.lead')} extra={change && <Button size="small" onClick={() => setEdited(steps.length)}>{t('strategy.add')}</Button>}>
      <table className="plain-table">
        <thead><tr><th>{t('strategy.after')}</th><th>{t('strategy.wait')}</th><th>{t('strategy.number')}</th><th>{t('strategy.other_part')}</th><th>{t('strategy.id')}</th>{change && <th />}</tr></thead>
        <tbody>
          {steps.map((step, at) => (
            <tr key={step.id}>
              <td>{step.after.map((name) => n('ended', name)).join(' / ')}</td>
              <td>{step.wait?.length ? step.wait.map((wait) => inWords(words, wait)).join(' → ') : <span className="soft">{t(step.number === 'drop' ? 'strategy.number.drop' : 'strategy.never')}</span>}</td>
              <td>{step.wait?.length ? t(`strategy.number.${step.number ?? 'case'}`) : '–'}</td>
              <td>{t(step.other_part_of_day ? 'yes' : 'no')}</td>
              <td><code className="soft small">{step.id}</code></td>
              {change && <RowActs at={at} of={steps} name={step.id} set={(ladder) => change({ ...of, ladder: ladder as Step[] })} edit={() => setEdited(at)} />}
            </tr>
          ))}
        </tbody>
      </table>
      {change && edited !== undefined && <StepForm step={steps[edited]} close={() => setEdited(undefined)} done={(step) => { change({ ...of, ladder: put(steps, edited, step) }); setEdited(undefined); }} />}
    </Table>
  );
};

/** What holds for all cases; as fields where it can be changed. */
const General = ({ of, change }: { of: Strategy; change?: Change }) => {
  const words = useWords();
  const { t, n } = words;
  const { limits, rank, day, best_time, numbers, promises, callbacks, unreached } = of;
  const texts = unreached && (unreached.after ?? UNREACHED);
  if (!change) {
    return (
      <Facts of={[
        [t('strategy.per_case'), limits?.per_case], [t('strategy.per_day'), limits?.per_day],
        [t('strategy.day'), day?.parts?.join(' · ')],
        [t('strategy.points'), rank && t('strategy.points.what', { propensity: rank.propensity ?? 0, days: rank.days_past_due ?? 0, amount: rank.amount ?? 0 })],
        [t('strategy.best_time'), best_time && t('strategy.best_time.what', { ahead: inWords(words, best_time.look_ahead ?? ''), gain: best_time.gain_percent ?? 0 })],
        [t('strategy.numbers'), numbers?.order?.map((kind) => n('phone', kind)).join(' → ')],
        [t('strategy.numbers.wait'), numbers?.wait && inWords(words, numbers.wait)],
        [t('strategy.third_parties'), numbers && t(numbers.third_parties ? 'yes' : 'no')],
        [t('strategy.promises'), promises && t('strategy.promises.what', { days: promises.days_after ?? 1, at: promises.at ?? '', most: promises.most ?? 0 })],
        [t('strategy.callbacks'), callbacks?.rank],
        [t('strategy.unreached'), texts?.map((end) => n('ended', end)).join(' / ')],
      ]} />
    );
  }
  const field = (label: string, input: ReactNode) => <label className="field"><span className="soft small">{label}</span>{input}</label>;
  const number = (label: string, value: number | undefined, most: number, set: (value: number | undefined) => void) => field(label, <InputNumber aria-label={label} min={0} max={most} style={{ width: '100%' }} value={value ?? null} onChange={(value) => set(value ?? undefined)} />);
  return (
    <div className="form general">
      {number(t('strategy.per_case'), limits?.per_case, 50, (per_case) => change({ ...of, limits: { ...limits, per_case } }))}
      {number(t('strategy.per_day'), limits?.per_day, 20, (per_day) => change({ ...of, limits: { ...limits, per_day } }))}
      {number(t('strategy.points.propensity'), rank?.propensity, 1_000_000, (propensity) => change({ ...of, rank: { ...rank, propensity } }))}
      {number(t('strategy.points.days'), rank?.days_past_due, 1_000_000, (days_past_due) => change({ ...of, rank: { ...rank, days_past_due } }))}
      {number(t('strategy.points.amount'), rank?.amount, 1_000_000, (amount) => change({ ...of, rank: { ...rank, amount } }))}
      {number(t('strategy.callbacks'), callbacks?.rank, 1_000_000, (rank) => change({ ...of, callbacks: { ...callbacks, rank } }))}
      {field(t('strategy.numbers'), <Select mode="multiple" aria-label={t('strategy.numbers')} value={numbers?.order ?? []} options={['mobile', 'home', 'work', 'other'].map((value) => ({ value, label: n('phone', value) }))} onChange={(order) => change({ ...of, numbers: { ...numbers, order } })} />)}
      {field(t('strategy.numbers.wait'), <Input aria-label={t('strategy.numbers.wait')} maxLength={20} value={numbers?.wait ?? ''} status={numbers?.wait && !WAIT.test(numbers.wait) ? 'error' : undefined} onChange={(event) => change({ ...of, numbers: { ...numbers, wait: event.target.value } })} />)}
      {field(t('strategy.unreached'), <Select mode="multiple" allowClear aria-label={t('strategy.unreached')} value={texts ?? []} options={UNREACHED.map((value) => ({ value, label: n('ended', value) }))} onChange={(after) => change({ ...of, unreached: after.length ? { after } : undefined })} />)}
      {field(t('strategy.third_parties'), <Switch aria-label={t('strategy.third_parties')} checked={numbers?.third_parties ?? false} onChange={(third_parties) => change({ ...of, numbers: { ...numbers, third_parties } })} />)}
    </div>
  );
};

export const StrategyView = ({ of, change }: { of: Strategy; change?: Change }) => (
  <div className="strategy">
    <General of={of} change={change} />
    <Rules of={of} change={change} />
    <Steps of={of} change={change} />
  </div>
);
