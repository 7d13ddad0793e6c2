// One's own account: another password, a second factor, and where else one is signed in.
import { App, Button } from 'antd';
import { ask, client, hasToken, said } from '../client';
import { OwnFactor } from '../own-factor';
import { OwnPassword } from '../own-password';
import { Card, Facts, Head, HERE, Moment, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { useWords } from '../session';

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
          {({ password }) => (password ? <><OwnPassword done={others.reload} /><OwnFactor done={others.reload} /></> : <Card title={t('account.password')}><p className="soft">{t('account.provider')}</p></Card>)}
        </Shown>
      )}
      {!byToken && (
        <Shown query={others}>
          {(sessions) => (
            <Card title={t('account.others')} extra={sessions.length > 0 && <Button danger onClick={end}>{t('account.others.end')}</Button>}>
              <p className="soft small" style={{ marginBottom: 8 }}>{t(sessions.length ? 'account.others.lead' : 'account.others.none')}</p>
              {sessions.length > 0 && (
                <Scroll>
                  <table className="plain-table">
                    <thead><tr><th>{t('account.others.begun')}</th><th>{t('account.others.seen')}</th></tr></thead>
                    <tbody>{sessions.map((session, index) => <tr key={index}><td className="num"><Moment at={session.begun_at} /></td><td className="num"><Moment at={session.seen_at} /></td></tr>)}</tbody>
                  </table>
                </Scroll>
              )}
            </Card>
          )}
        </Shown>
      )}
    </>
  );
};

export default Account;
