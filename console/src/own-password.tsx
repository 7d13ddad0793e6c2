// Another password in place of the one that holds.
import { App, Button, Form, Input } from 'antd';
import { useState } from 'react';
import { LEAST_PASSWORD, MOST_PASSWORD, saidOfSecret } from './client';
import { CodeField, wantsCode } from './code-field';
import { Card } from './parts';
import { useSession, useWords } from './session';

interface Given {
  password: string;
  fresh: string;
  again: string;
  code?: string;
}

export const OwnPassword = ({ done }: { done?: () => void }) => {
  const { t, lang } = useWords();
  const { person, changePassword } = useSession();
  const { message } = App.useApp();
  const [form] = Form.useForm<Given>();
  const [busy, setBusy] = useState(false);
  const [wanted, setWanted] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const change = async ({ password, fresh, code }: Given) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await changePassword(password, fresh, code);
      form.resetFields();
      void message.success(t('account.password.done'));
      done?.();
    } catch (problem) {
      if (wantsCode(problem)) setWanted(true);
      setProblem(problem);
    }
    setBusy(false);
  };
  const why = saidOfSecret(problem, lang);
  return (
    <Card title={t('account.password')}>
      {why && <p className="note bad" role="alert" style={{ marginBottom: 12 }}>{why}</p>}
      <Form form={form} layout="vertical" requiredMark={false} style={{ maxWidth: 420 }} onFinish={(given) => void change(given)}>
        <Form.Item name="password" label={t('account.password.old')} rules={[{ required: true, message: t('need.password') }]}><Input.Password autoComplete="current-password" maxLength={256} /></Form.Item>
        <Form.Item name="fresh" label={t('account.password.new')} extra={t('account.password.help', { n: LEAST_PASSWORD })} rules={[{ required: true, min: LEAST_PASSWORD, message: t('people.password.least', { n: LEAST_PASSWORD }) }]}><Input.Password autoComplete="new-password" maxLength={MOST_PASSWORD} /></Form.Item>
        <Form.Item name="again" label={t('account.password.again')} dependencies={['fresh']} rules={[({ getFieldValue }) => ({ validator: (_, value?: string) => (value === getFieldValue('fresh') ? Promise.resolve() : Promise.reject(new Error(t('account.password.differs')))) })]}><Input.Password autoComplete="new-password" maxLength={MOST_PASSWORD} /></Form.Item>
        {(wanted || person?.secondFactor) && <CodeField />}
        <Button type="primary" htmlType="submit" loading={busy}>{t('account.password')}</Button>
      </Form>
    </Card>
  );
};
