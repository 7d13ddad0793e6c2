// What is kept of a person: found, handed out, erased. Whom somebody seeks stands in no address.
import { App, Button, Form, Input, Select } from 'antd';
import { useState } from 'react';
import { ask, client, fetchPosted, said, type Shape } from '../client';
import { Dialog } from '../dialog';
import { Link } from '../link';
import { Became, Card, Facts, Head, Mark, Moment, Nothing, Scroll, Trouble } from '../parts';
import { Places } from '../places';
import { InClear, stating, useClear } from '../purpose';
import { useQuery } from '../query';
import { go, useLocation } from '../router';
import { useSession, useWords } from '../session';

type Kept = Shape['DebtorKept'];
type By = 'debtor' | 'case' | 'number';

/** So many calls are linked; the file has all of them. */
const SHOWN = 30;

/** There is no way back: a reason, and the id typed once more. */
const Erase = ({ of, done, close }: { of: Kept; done: () => void; close: () => void }) => {
  const { t, lang } = useWords();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ reason: string; confirm: string }>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const erase = async ({ reason, confirm }: { reason: string; confirm: string }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const gone = await ask(client.POST('/v1/debtors/erase', { body: { debtor: of.debtor, confirm: confirm.trim(), reason } }));
      void message.success(t('debtors.erased', { ...gone }), 6);
      done();
    } catch (problem) {
      setProblem(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('debtors.erase.sure', { id: of.debtor })} onCancel={close} onOk={() => form.submit()} okText={t('debtors.erase')} cancelText={t('do.cancel')} okButtonProps={{ danger: true, loading: busy }}>
      <p style={{ marginBottom: 12 }}>{t('debtors.erase.what')}</p>
      {problem !== undefined && <p className="note bad" role="alert" style={{ marginBottom: 12 }}>{said(problem, lang)}</p>}
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(given) => void erase(given)}>
        <Form.Item name="reason" label={t('dnc.reason')} extra={t('debtors.erase.reason')} rules={[{ required: true, whitespace: true, message: t('need.reason') }]}><Input.TextArea maxLength={500} /></Form.Item>
        <Form.Item name="confirm" label={t('debtors.erase.type', { id: of.debtor })} rules={[{ validator: (_, value?: string) => (value?.trim() === of.debtor ? Promise.resolve() : Promise.reject(new Error(t('debtors.erase.same')))) }]}><Input maxLength={64} autoComplete="off" /></Form.Item>
      </Form>
    </Dialog>
  );
};

const Person = ({ of, changed }: { of: Kept; changed: () => void }) => {
  const { t, n, lang, num } = useWords();
  const { may } = useSession();
  const { message } = App.useApp();
  const clear = useClear(`person ${of.debtor}`);
  const { purpose } = clear;
  // In clear they are asked for once more, and nobody else is.
  const seen = useQuery(async () => (purpose ? (await ask(client.POST('/v1/debtors/find', { params: { header: stating(purpose) }, body: { debtor: of.debtor } }))).items[0] : undefined) ?? of, `${of.debtor} ${of.cases.length} ${purpose}`);
  const cases = seen.data?.cases ?? of.cases;
  const [erasing, setErasing] = useState(false);
  const [busy, setBusy] = useState(false);
  const access = async () => {
    setBusy(true);
    try {
      await fetchPosted('/v1/debtors/access', { debtor: of.debtor }, `${of.debtor}.zip`);
      void message.success(t('debtors.accessed'));
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
    setBusy(false);
  };
  const calls = of.calls.slice(-SHOWN).reverse();
  return (
    <Card title={t('debtors.person', { id: of.debtor })} extra={<div className="acts">
      <InClear of={clear} />
      <Button type="primary" loading={busy} onClick={() => void access()}>{t('debtors.access')}</Button>
      {may('debtors:erase') && <Button danger disabled={of.held} onClick={() => setErasing(true)}>{t('debtors.erase')}</Button>}
    </div>}>
      <p className="soft small" style={{ marginBottom: 12 }}>{t('debtors.access.lead')}</p>
      {of.held && <p className="note warn" role="status" style={{ marginBottom: 12 }}>{t('debtors.held')} {may('holds:write') && <Link to="/holds">{t('nav.holds')}</Link>}</p>}
      <Facts of={[[t('debtors.cases'), num(of.cases.length)], [t('debtors.calls'), num(of.calls.length)], [t('debtors.promises'), num(of.promises.length)], [t('debtors.messages'), num(of.messages)], [t('debtors.holds'), num(of.holds.filter(({ stands }) => stands).length)]]} />
      {seen.problem !== undefined && <Trouble problem={seen.problem} />}
      {cases.length > 0 && (
        <Scroll style={{ marginTop: 12 }}>
          <table className="plain-table">
            <thead><tr><th>{t('call.case')}</th><th>{t('people.name')}</th><th>{t('debtors.creditor')}</th><th>{t('desk.product')}</th><th>{t('dnc.stands')}</th><th>{t('place')}</th></tr></thead>
            <tbody>{cases.map((one) => <tr key={one.case}><td><code>{one.case}</code></td><td>{one.name}</td><td>{one.creditor}</td><td>{one.product}</td><td>{n('settled', one.state)}</td><td>{one.state === 'open' && may('cases:read') ? <Places of={one.case} /> : '–'}</td></tr>)}</tbody>
          </table>
        </Scroll>
      )}
      {of.promises.length > 0 && (
        <Scroll style={{ marginTop: 12 }}>
          <table className="plain-table">
            <thead><tr><th>{t('debtors.promises')}</th><th>{t('desk.promise.date')}</th><th>{t('debtors.promises.became')}</th><th>{t('call.case')}</th><th>{t('debtors.promises.made')}</th></tr></thead>
            <tbody>{of.promises.map(({ attempt, case: about, ended_at, promise, state }) => (
              <tr key={attempt}><td className="num">{promise.amount} {promise.currency}</td><td className="num">{promise.date}</td><td>{state ? <Became of={state} /> : t('unknown')}</td><td><code>{about}</code></td><td className="num"><Link to={`/calls/${attempt}`}><Moment at={ended_at} zone={of.cases.find((one) => one.case === about)?.time_zone} /></Link></td></tr>
            ))}</tbody>
          </table>
        </Scroll>
      )}
      {of.holds.length > 0 && (
        <Scroll style={{ marginTop: 12 }}>
          <table className="plain-table">
            <thead><tr><th>{t('debtors.holds')}</th><th>{t('holds.id')}</th><th>{t('dnc.reason')}</th><th>{t('dnc.person')}</th><th>{t('dnc.at')}</th><th>{t('dnc.stands')}</th></tr></thead>
            <tbody>{of.holds.map((hold) => <tr key={hold.id}><td>{n('held', hold.kind)}</td><td><code>{hold.subject}</code></td><td>{hold.why}</td><td>{hold.person}</td><td className="num"><Moment at={hold.at} /></td><td><Mark of={hold.stands ? 'waits' : 'lifted'}>{t(hold.stands ? 'holds.stands' : hold.lifted ? 'dnc.lifted' : 'holds.over')}</Mark></td></tr>)}</tbody>
          </table>
        </Scroll>
      )}
      {calls.length > 0 && <p style={{ marginTop: 12 }}><span className="soft small">{t('debtors.calls')}: </span>{calls.map((call) => <Link key={call} to={`/calls/${call}`} style={{ marginRight: 10 }}>{call.slice(0, 18)}</Link>)}</p>}
      {erasing && <Erase of={of} close={() => setErasing(false)} done={() => { setErasing(false); changed(); }} />}
    </Card>
  );
};

const Debtors = () => {
  const { t } = useWords();
  const { query } = useLocation();
  const [sought, setSought] = useState<{ by: By; what: string }>();
  const [found, setFound] = useState<Kept[]>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const find = async (given: { by: By; what: string }) => {
    setBusy(true);
    setProblem(undefined);
    setSought(given);
    try {
      setFound((await ask(client.POST('/v1/debtors/find', { body: { [given.by]: given.what.trim() } }))).items);
    } catch (problem) {
      setFound(undefined);
      setProblem(problem);
    }
    setBusy(false);
  };
  const own = query.get('case') ?? '';
  return (
    <>
      <Head title={t('nav.debtors')} lead={t('debtors.lead')} />
      <Card>
        <Form layout="vertical" requiredMark={false} className="form" initialValues={{ by: own ? 'case' : 'debtor', what: own }} onFinish={(given) => void find(given as { by: By; what: string })}>
          <Form.Item name="by" label={t('debtors.by')}><Select options={(['debtor', 'case', 'number'] as const).map((value) => ({ value, label: t(`debtors.by.${value}`) }))} /></Form.Item>
          <Form.Item name="what" label={t('debtors.what')} rules={[{ required: true, whitespace: true, message: t('desk.need') }]}><Input maxLength={64} autoComplete="off" /></Form.Item>
          <Form.Item label=" "><Button type="primary" htmlType="submit" loading={busy}>{t('debtors.find')}</Button></Form.Item>
        </Form>
      </Card>
      {problem !== undefined && <Trouble problem={problem} />}
      <div aria-live="polite">
        {found?.map((person) => <Person key={person.debtor} of={person} changed={() => sought && void find(sought)} />)}
        {found?.length === 0 && <Card><Nothing title={t('debtors.none')} lead={t('debtors.none.lead')} /></Card>}
        {!found && problem === undefined && <Card><Nothing title={t('debtors.begin')} lead={t('debtors.begin.lead')}>{own && <Button onClick={() => go('/debtors')}>{t('do.clear')}</Button>}</Nothing></Card>}
      </div>
    </>
  );
};

export default Debtors;
