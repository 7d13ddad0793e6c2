// Signing in: by name and password, at the house's own provider, or for a while with a token.
import { Button, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { ask, client, said, type Shape } from './client';
import { CodeField, wantsCode } from './code-field';
import { useSession, useWords } from './session';

/** How it went at the provider, as the server's redirect tells. */
const WENT = ['refused', 'again', 'failed'] as const;
const went = () => WENT.find((word) => word === new URLSearchParams(location.search).get('sign_in'));

interface Given {
  name?: string;
  password?: string;
  code?: string;
  token?: string;
}

export const SignIn = () => {
  const { signIn, withToken, over, setLang } = useSession();
  const { t, lang } = useWords();
  const [way, setWay] = useState<'person' | 'token'>('person');
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [wanted, setWanted] = useState(false);
  const [form] = Form.useForm<Given>();
  const [ways, setWays] = useState<Shape['Ways']>();
  useEffect(() => {
    // Where it is not told there is a password, as ever.
    ask(client.GET('/v1/session/ways')).then(setWays, () => undefined);
  }, []);
  const tried = went();
  const enter = async (given: Given) => {
    setBusy(true);
    setProblem(undefined);
    try {
      if (way === 'token') await withToken((given.token ?? '').trim());
      else await signIn((given.name ?? '').trim(), given.password ?? '', given.code);
    } catch (problem) {
      if (wantsCode(problem)) setWanted(true);
      else setProblem(problem);
      form.setFieldValue('code', undefined);
      setBusy(false);
    }
  };
  return (
    <main className="sign">
      <div className="sign-side" aria-hidden="true">
        <svg viewBox="0 0 32 32" width="56" height="56"><path d="M7 11l4 11 5-9 5 9 4-11" fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" /></svg>
        <p className="sign-brand">waihu 外呼</p>
      </div>
      <div className="sign-form">
        <Button className="sign-lang" type="text" aria-label={t('lang.switch.label')} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>
          {t('lang.switch')}
        </Button>
        <h1>{t('sign.title')}</h1>
        <p className="soft">{t('sign.lead')}</p>
        <div aria-live="polite">
          {tried && !problem && <p className="note bad" role="alert">{t(`sign.${tried}`)}</p>}
          {over && !problem && <p className="note warn">{t('sign.over')}</p>}
          {problem !== undefined && <p className="note bad" role="alert">{said(problem, lang)}</p>}
        </div>
        {ways?.provider && <Button className="sign-provider" type={ways.password ? 'default' : 'primary'} size="large" block href="/v1/session/provider">{t('sign.provider')}</Button>}
        {(way === 'token' || ways?.password !== false) && <Form<Given> key={way} form={form} layout="vertical" onFinish={enter} requiredMark={false} size="large">
          {way === 'person' ? (
            <>
              <Form.Item name="name" label={t('sign.name')} rules={[{ required: true, message: t('need.name') }]}>
                <Input autoFocus autoComplete="username" maxLength={64} />
              </Form.Item>
              <Form.Item name="password" label={t('sign.password')} rules={[{ required: true, message: t('need.password') }]}>
                <Input.Password autoComplete="current-password" maxLength={256} />
              </Form.Item>
              {wanted && <CodeField focus />}
            </>
          ) : (
            <Form.Item name="token" label={t('sign.token.field')} extra={t('sign.token.help')} rules={[{ required: true, message: t('need.token') }]}>
              <Input.Password autoFocus autoComplete="off" placeholder="whu_…" maxLength={128} />
            </Form.Item>
          )}
          <Button type="primary" htmlType="submit" block loading={busy}>{t('sign.in')}</Button>
        </Form>}
        <Button type="link" onClick={() => { setProblem(undefined); setWanted(false); setWay(way === 'person' ? 'token' : 'person'); }}>
          {t(way === 'person' ? 'sign.token' : 'sign.person')}
        </Button>
        {way === 'person' && <p className="soft small">{t('sign.help')}</p>}
      </div>
    </main>
  );
};
