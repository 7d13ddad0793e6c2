// A fault of a page takes that page, and nothing else.
import { Button } from 'antd';
import { Component, type ReactNode } from 'react';
import { Nothing } from './parts';
import { useWords } from './session';

const Told = () => {
  const { t } = useWords();
  return <Nothing title={t('fault.title')} lead={t('fault.lead')}><Button type="primary" onClick={() => location.reload()}>{t('do.reload')}</Button></Nothing>;
};

export class Fault extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError = () => ({ failed: true });

  override render() {
    return this.state.failed ? <Told /> : this.props.children;
  }
}
