// The one-time code of an authenticator app, as a field of a form.
import { Form, Input } from 'antd';
import { Problem } from './client';
import { useWords } from './session';

/** Whether a code is wanted that was not sent. */
export const wantsCode = (problem: unknown): boolean => problem instanceof Problem && problem.told.code === 'code_wanted';

export const CodeField = ({ focus }: { focus?: boolean }) => {
  const { t } = useWords();
  return (
    <Form.Item name="code" label={t('code')} extra={t('code.help')} rules={[{ required: true, pattern: /^\s*\d{3}\s*\d{3}\s*$/, message: t('need.code') }]}>
      <Input autoFocus={focus} autoComplete="one-time-code" inputMode="numeric" maxLength={16} />
    </Form.Item>
  );
};
