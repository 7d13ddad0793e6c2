// Who may sign in: added, changed, shut out, let in again with another password.
import { App, Button, Form, Input, Select } from 'antd';
import { useState } from 'react';
import { ask, client, LEAST_PASSWORD, MOST_PASSWORD, said, type Shape } from '../client';
import { Dialog } from '../dialog';
import { Card, Head, HERE, Mark, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { useSession, useWords } from '../session';

const ROLES = ['operations', 'compliance', 'agent', 'integrator', 'admin'] as const;
const ANSWERS = ['by_hand', 'at_once'] as const;

/** What may be changed of somebody. */
interface Known {
  name: string;
  role: string;
  skills?: string;
  langs?: string[];
}

interface Given extends Known {
  login: string;
  password: string;
  answers?: 'by_hand' | 'at_once';
}

/** `hardship=4, dispute=2` as skills with levels. */
const skillsOf = (text: string): Record<string, number> =>
  Object.fromEntries(text.split(/[,，\s]+/).filter(Boolean).map((each) => each.split(/[=:]/)).map(([skill = '', level]) => [skill, Number(level ?? 3)]));

/** The fields of what may be changed; of the role why it may not be, or what that does. */
const Fields = ({ fixed, ofRole }: { fixed?: boolean; ofRole?: string }) => {
  const { t, n } = useWords();
  return (
    <>
      <Form.Item name="name" label={t('people.name')} rules={[{ required: true, message: t('need.name') }]}><Input autoComplete="off" maxLength={64} /></Form.Item>
      <Form.Item name="role" label={t('people.role')} extra={ofRole}><Select disabled={fixed} options={ROLES.map((role) => ({ value: role, label: n('role', role) }))} /></Form.Item>
      <Form.Item name="skills" label={t('people.skills')} extra={t('people.skills.help')}><Input maxLength={400} /></Form.Item>
      <Form.Item name="langs" label={t('people.langs')} extra={t('people.langs.help')}><Select mode="multiple" options={[{ value: 'zh', label: '中文' }, { value: 'en', label: 'English' }]} /></Form.Item>
    </>
  );
};

const Add = ({ done, close }: { done: () => void; close: () => void }) => {
  const { t, lang } = useWords();
  const { message } = App.useApp();
  const [form] = Form.useForm<Given>();
  const role = Form.useWatch('role', form);
  const add = async ({ skills, ...given }: Given) => {
    try {
      await ask(client.POST('/v1/people', { body: { ...given, skills: skillsOf(skills ?? ''), langs: given.langs ?? [] } }));
      done();
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  return (
    <Dialog title={t('people.add')} onCancel={close} onOk={() => form.submit()} okText={t('people.add')} cancelText={t('do.cancel')}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(given) => void add(given)} initialValues={{ role: 'agent', answers: 'by_hand' }}>
        <Form.Item name="login" label={t('sign.name')} rules={[{ required: true, message: t('need.name') }]}><Input autoComplete="off" maxLength={64} /></Form.Item>
        <Form.Item name="password" label={t('people.password')} rules={[{ required: true, min: LEAST_PASSWORD, message: t('people.password.least', { n: LEAST_PASSWORD }) }]}><Input.Password autoComplete="new-password" maxLength={MOST_PASSWORD} /></Form.Item>
        <Fields />
        {role === 'agent' && <Form.Item name="answers" label={t('people.answers')} extra={t('people.answers.help')}><Select options={ANSWERS.map((value) => ({ value, label: t(`answers.${value}`) }))} /></Form.Item>}
      </Form>
    </Dialog>
  );
};

const Change = ({ person, done, close }: { person: Shape['PersonTold']; done: (revoked: string[]) => void; close: () => void }) => {
  const { t, lang } = useWords();
  const { person: me } = useSession();
  const [form] = Form.useForm<Known>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  // As they were when this was opened: what others change meanwhile is told, and not written over.
  const [{ login, revision, name, role, skills, langs }] = useState(person);
  const fixed = me?.login === login;
  const chosen = Form.useWatch('role', form) ?? role;
  const save = async ({ skills, langs, ...given }: Known) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { revoked } = await ask(client.PATCH('/v1/people/{login}', { params: { path: { login }, header: { 'If-Match': `"${revision}"` } }, body: { ...given, skills: skillsOf(skills ?? ''), langs: langs ?? [] } }));
      done(revoked);
    } catch (problem) {
      setProblem(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('people.change.of', { login })} onCancel={close} footer={[
      <Button key="no" onClick={close}>{t('do.cancel')}</Button>,
      <Button key="yes" type="primary" htmlType="submit" form="person-change" loading={busy}>{t('campaign.save')}</Button>,
    ]}>
      {problem !== undefined && <div className="note bad" role="alert" style={{ marginBottom: 12 }}>{said(problem, lang)}</div>}
      <Form<Known> id="person-change" form={form} layout="vertical" requiredMark={false} onFinish={(given) => void save(given)}
        initialValues={{ name, role, skills: Object.entries(skills).map(([skill, level]) => `${skill}=${level}`).join(', '), langs }}>
        <Fields fixed={fixed} ofRole={fixed ? t('people.role.own') : chosen === role ? undefined : t('people.role.other')} />
      </Form>
    </Dialog>
  );
};

const People = () => {
  const { t, n, time, lang } = useWords();
  const { may, person: me } = useSession();
  const { modal, message } = App.useApp();
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState<Shape['PersonTold']>();
  const query = useQuery(() => ask(client.GET('/v1/people')), 'people');
  const changed = (revoked: string[]) => {
    void (revoked.length ? message.warning(t('people.revoked', { names: revoked.join(', ') }), 10) : message.success(t('people.changed')));
    query.reload();
  };
  const change = async (login: string, body: { disabled?: boolean; password?: string; answers?: string; second_factor?: boolean }) => {
    try {
      const { revoked } = await ask(client.PATCH('/v1/people/{login}', { params: { path: { login }, header: { 'If-Match': '*' } }, body }));
      changed(revoked);
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  const disable = (login: string) => modal.confirm({ ...HERE, title: t('people.disable.sure', { login }), content: t('people.disable.what'), okText: t('people.disable'), cancelText: t('do.cancel'), okButtonProps: { danger: true }, onOk: () => change(login, { disabled: true }) });
  const factor = (login: string) => modal.confirm({ ...HERE, title: t('people.factor.sure', { login }), content: t('people.factor.what'), okText: t('people.factor.remove'), cancelText: t('do.cancel'), okButtonProps: { danger: true }, onOk: () => change(login, { second_factor: false }) });
  const password = (login: string) => {
    let given = '';
    modal.confirm({ ...HERE, title: t('people.new_password', { login }), content: <Input.Password aria-label={t('people.password')} autoComplete="new-password" maxLength={MOST_PASSWORD} onChange={(event) => (given = event.target.value)} />, okText: t('do.ok'), cancelText: t('do.cancel'), onOk: () => change(login, { password: given }) });
  };
  return (
    <>
      <Head title={t('nav.people')} lead={t('people.lead')}>{may('people:write') && <Button type="primary" onClick={() => setAdding(true)}>{t('people.add')}</Button>}</Head>
      <Shown query={query}>
        {({ items }) => (
          <Card className="flush">
            {items.length ? (
              <Scroll>
                <table className="plain-table">
                  <thead><tr><th>{t('sign.name')}</th><th>{t('people.name')}</th><th>{t('people.role')}</th><th>{t('people.skills')}</th><th>{t('people.answers')}</th><th>{t('dnc.stands')}</th><th>{t('campaign.made')}</th><th /></tr></thead>
                  <tbody>{items.map((person) => (
                    <tr key={person.login}>
                      <td className="num">{person.login}</td><td>{person.name}</td><td>{n('role', person.role)}</td>
                      <td>{Object.entries(person.skills).map(([skill, level]) => `${skill} ${level}`).join(' · ')}{person.langs.length ? ` · ${person.langs.join(' ')}` : ''}</td>
                      <td>{person.role === 'agent' && (may('people:write') ? <Select size="small" style={{ width: 110 }} aria-label={`${t('people.answers')}: ${person.login}`} value={person.answers} onChange={(answers) => void change(person.login, { answers })} options={ANSWERS.map((value) => ({ value, label: t(`answers.${value}`) }))} /> : n('answers', person.answers))}</td>
                      <td>{person.disabled_at ? <Mark of="denied">{t('people.disabled')}</Mark> : person.locked_until ? <Mark of="waits">{t('people.locked')}</Mark> : <Mark of="approved">{t('people.active')}</Mark>}{person.second_factor_at && <><br /><span className="soft small">{t('factor')}</span></>}</td>
                      <td className="num">{time(person.made_at)}</td>
                      <td>{may('people:write') && <div className="acts"><Button size="small" onClick={() => setChanging(person)}>{t('people.change')}</Button><Button size="small" onClick={() => password(person.login)}>{t('people.password.set')}</Button>{person.second_factor_at && person.login !== me?.login && <Button size="small" onClick={() => factor(person.login)}>{t('people.factor.remove')}</Button>}{!person.disabled_at && <Button size="small" danger onClick={() => disable(person.login)}>{t('people.disable')}</Button>}</div>}</td>
                    </tr>
                  ))}</tbody>
                </table>
              </Scroll>
            ) : <Nothing title={t('people.none')} />}
          </Card>
        )}
      </Shown>
      {adding && <Add close={() => setAdding(false)} done={() => { setAdding(false); query.reload(); }} />}
      {changing && <Change person={changing} close={() => setChanging(undefined)} done={(revoked) => { setChanging(undefined); changed(revoked); }} />}
    </>
  );
};

export default People;
