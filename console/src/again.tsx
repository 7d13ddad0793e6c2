// The password once more, and a code where there is a second factor, before what weighs most: the server asks for it
// where somebody has signed in a while ago.
import { Button, Form, Input } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { ask, client, onAgain, saidOfSecret, type Shape } from './client';
import { CodeField, wantsCode } from './code-field';
import { Dialog } from './dialog';
import { useSession, useWords } from './session';

interface Given {
  password: string;
  code?: string;
}

/** Asks for it; what was typed in is gone with it. */
const Asked = ({ end }: { end: (did: boolean) => void }) => {
  const { person, signIn } = useSession();
  const { t, lang } = useWords();
  const [form] = Form.useForm<Given>();
  const [ways, setWays] = useState<Shape['Ways']>();
  const [busy, setBusy] = useState(false);
  const [wanted, setWanted] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    // Where it is not told there is a password, as ever.
    ask(client.GET('/v1/session/ways')).then(setWays, () => undefined);
  }, []);
  const byPassword = ways?.password !== false;
  const enter = async ({ password, code }: Given) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await signIn(person?.login ?? '', password, code);
      end(true);
    } catch (problem) {
      if (wantsCode(problem)) setWanted(true);
      form.setFieldValue('code', undefined);
      setProblem(problem);
      setBusy(false);
    }
  };
  const why = saidOfSecret(problem, lang);
  return (
    // Over a question that is still open: the library puts those at 2000.
    <Dialog zIndex={2100} title={t('again')} okText={t('sign.in')} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ disabled: !byPassword }} onOk={() => form.submit()} onCancel={() => end(false)}>
      <p className="soft" style={{ marginBottom: 12 }}>{t('again.why')}</p>
      {why && <p className="note bad" role="alert" style={{ marginBottom: 12 }}>{why}</p>}
      {byPassword && (
        <Form<Given> name="again" form={form} layout="vertical" requiredMark={false} onFinish={(given) => void enter(given)}>
          <Form.Item name="password" label={t('sign.password')} rules={[{ required: true, message: t('need.password') }]}>
            <Input.Password autoFocus autoComplete="current-password" maxLength={256} />
          </Form.Item>
          {(wanted || person?.secondFactor) && <CodeField />}
        </Form>
      )}
      {ways?.provider && <><Button block href="/v1/session/provider">{t('sign.provider')}</Button><p className="soft small" style={{ marginTop: 8 }}>{t('again.leave')}</p></>}
    </Dialog>
  );
};

/** Waits for the server to want it. */
export const Again = () => {
  const [asking, setAsking] = useState(false);
  /** Those who wait for an answer: several may have asked at the same time. */
  const waiting = useRef<((did: boolean) => void)[]>([]);
  useEffect(
    () =>
      onAgain(() => {
        setAsking(true);
        return new Promise<boolean>((resolve) => waiting.current.push(resolve));
      }),
    [],
  );
  const end = (did: boolean) => {
    setAsking(false);
    waiting.current.splice(0).forEach((resolve) => resolve(did));
  };
  return asking ? <Asked end={end} /> : null;
};
