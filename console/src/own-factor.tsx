// One's own second factor: a secret for an authenticator app and a code that shows that the app has it; switched off with
// another code.
import { App, Button, Form } from 'antd';
import { useState } from 'react';
import { ask, client, said, saidOfSecret, type Shape } from './client';
import { CodeField } from './code-field';
import { Card, Facts } from './parts';
import { useSession, useWords } from './session';
import type { Word } from './words';

interface Given {
  code: string;
}

/** A code, and what is done with it. */
const ByCode = ({ does, act, focus }: { does: Word; act: (code: string) => Promise<void>; focus?: boolean }) => {
  const { t, lang } = useWords();
  const [form] = Form.useForm<Given>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const send = async ({ code }: Given) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act(code);
    } catch (problem) {
      setProblem(problem);
      form.resetFields();
      setBusy(false);
    }
  };
  const why = saidOfSecret(problem, lang);
  return (
    <>
      {why && <p className="note bad" role="alert" style={{ marginBottom: 12 }}>{why}</p>}
      <Form<Given> name="factor" form={form} layout="vertical" requiredMark={false} style={{ maxWidth: 420 }} onFinish={(given) => void send(given)}>
        <CodeField focus={focus} />
        <Button type="primary" htmlType="submit" loading={busy}>{t(does)}</Button>
      </Form>
    </>
  );
};

const SetUp = ({ done }: { done: () => void }) => {
  const { t, lang } = useWords();
  const { renew } = useSession();
  const { message } = App.useApp();
  const [offered, setOffered] = useState<Shape['NewSecret']>();
  const offer = async () => {
    try {
      setOffered(await ask(client.PUT('/v1/session/second-factor')));
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  const confirm = async (code: string) => {
    const signed = await ask(client.POST('/v1/session/second-factor', { body: { code } }));
    void message.success(t('factor.done'));
    done();
    renew(signed);
  };
  if (!offered) return <Button type="primary" onClick={() => void offer()}>{t('factor.set')}</Button>;
  return (
    <>
      <p style={{ marginBottom: 12 }}>{t('factor.how')}</p>
      <Facts of={[
        [t('factor.key'), <code className="secret">{offered.secret.match(/.{1,4}/g)?.join(' ')}</code>],
        [t('factor.uri'), <code>{offered.uri}</code>],
      ]} />
      <p className="soft small" style={{ margin: '12px 0' }}>{t('factor.once')}</p>
      <ByCode does="factor.confirm" act={confirm} focus />
    </>
  );
};

export const OwnFactor = ({ done = () => undefined }: { done?: () => void }) => {
  const { t } = useWords();
  const { person, renew } = useSession();
  const { message } = App.useApp();
  const off = async (code: string) => {
    const signed = await ask(client.POST('/v1/session/second-factor/remove', { body: { code } }));
    void message.success(t('factor.off.done'));
    done();
    renew(signed);
  };
  return (
    <Card title={t('factor')}>
      <p className="soft" style={{ marginBottom: 12 }}>{t(person?.secondFactor ? 'factor.on' : 'factor.lead')}</p>
      {person?.secondFactor ? <ByCode does="factor.off" act={off} /> : <SetUp done={done} />}
    </Card>
  );
};
