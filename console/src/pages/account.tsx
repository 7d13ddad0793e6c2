// One's own account: another password, and where else one is signed in.
import { App, Button, Form, Input } from 'antd';
import { useState } from 'react';
import { ask, client, hasToken, LEAST_PASSWORD, MOST_PASSWORD, part, Problem, said } from '../client';
import { Card, Facts, Head, HERE, Moment, Shown } from '../parts';
import { useQuery } from '../query';
import { useSession, useWords } from '../session';

interface Given {
  password: string;
  fresh: string;
  again: string;
}

const Password = ({ done }: { done: () => void }) => {
  const { t, lang } = useWords();
  const { changePassword } = useSession();
  const { message } = App.useApp();
  const [form] = Form.useForm<Given>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const change = async ({ password, fresh }: Given) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await changePassword(password, fresh);
      form.resetFields();
      void message.success(t('account.password.done'));
      done();
    } catch (problem) {
      setProblem(problem);
    }
    setBusy(false);
  };
  // What is wrong with a password is in its detail; the title speaks of tokens.
  const why = problem instanceof Problem && problem.told.detail ? part(problem.told.detail, lang) : problem !== undefined && said(problem, lang);
  return (
    <Card title={t('account.password')}>
      {why && <p className="note bad" role="alert" style={{ marginBottom: 12 }}>{why}</p>}
      <Form form={form} layout="vertical" requiredMark={false} style={{ maxWidth: 420 }} onFinish={(given) => void change(given)}>
        <Form.Item name="password" label={t('account.password.old')} rules={[{ required: true, message: t('need.password') }]}><Input.Password autoComplete="current-password" maxLength={256} /></Form.Item>
        <Form.Item name="fresh" label={t('account.password.new')} extra={t('account.password.help', { n: LEAST_PASSWORD })} rules={[{ required: true, min: LEAST_PASSWORD, message: t('people.password.least', { n: LEAST_PASSWORD }) }]}><Input.Password autoComplete="new-password" maxLength={MOST_PASSWORD} /></Form.Item>
        <Form.Item name="again" label={t('account.password.again')} dependencies={['fresh']} rules={[({ getFieldValue }) => ({ validator: (_, value?: string) => (value === getFieldValue('fresh') ? Promise.resolve() : Promise.reject(new Error(t('account.password.differs')))) })]}><Input.Password autoComplete="new-password" maxLength={MOST_PASSWORD} /></Form.Item>
        <Button type="primary" htmlType="submit" loading={busy}>{t('account.password')}</Button>
      </Form>
    </Card>
  );
};

const Account = () => {
  const { t, n, lang } = useWords();
  const { modal, message } = App.useApp();
  const byToken = hasToken();
  const own = useQuery(() => ask(client.GET('/v1/session')), 'session');
  const ways = useQuery(() => ask(client.GET('/v1/session/ways')), 'ways');
  const others = useQuery(() => (byToken ? Promise.resolve([]) : ask(client.GET('/v1/session/others'))), 'others');
  const end = () => modal.confirm({
    ...HERE, title: t('account.others.sure'), content: t('account.others.what'), okText: t('account.others.end'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
    onOk: async () => {
      try {
        await ask(client.DELETE('/v1/session/others'));
        void message.success(t('account.others.done'));
      } catch (problem) {
        void message.error(said(problem, lang), 6);
      }
      others.reload();
    },
  });
  return (
    <>
      <Head title={t('account')} lead={t('account.lead')} />
      <Shown query={own}>
        {(signed) => (
          <Card>
            <Facts of={[
              [t('people.name'), signed.name],
              [t('account.login'), signed.login],
              [t('people.role'), n('role', signed.role)],
              [t('account.ends'), signed.ends_at && <><Moment at={signed.ends_at} />{signed.idle_s != null && <><br /><span className="soft small">{t('account.idle', { n: Math.round(signed.idle_s / 60) })}</span></>}</>],
            ]} />
            {byToken && <p className="note warn" style={{ marginTop: 12 }}>{t('account.token')}</p>}
          </Card>
        )}
      </Shown>
      {!byToken && (
        <Shown query={ways}>
          {({ password }) => (password ? <Password done={others.reload} /> : <Card title={t('account.password')}><p className="soft">{t('account.provider')}</p></Card>)}
        </Shown>
      )}
      {!byToken && (
        <Shown query={others}>
          {(sessions) => (
            <Card title={t('account.others')} extra={sessions.length > 0 && <Button danger onClick={end}>{t('account.others.end')}</Button>}>
              <p className="soft small" style={{ marginBottom: 8 }}>{t(sessions.length ? 'account.others.lead' : 'account.others.none')}</p>
              {sessions.length > 0 && (
                <div className="scroll">
                  <table className="plain-table">
                    <thead><tr><th>{t('account.others.begun')}</th><th>{t('account.others.seen')}</th></tr></thead>
                    <tbody>{sessions.map((session, index) => <tr key={index}><td className="num"><Moment at={session.begun_at} /></td><td className="num"><Moment at={session.seen_at} /></td></tr>)}</tbody>
                  </table>
                </div>
              )}
            </Card>
          )}
        </Shown>
      )}
    </>
  );
};

export default Account;
