// What somebody has to do before anything else: take a password that nobody else knows, or set up a second factor.
import { LogoutOutlined, TranslationOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { Again } from './again';
import { OwnFactor } from './own-factor';
import { OwnPassword } from './own-password';
import { Head } from './parts';
import { useSession, useWords } from './session';

const Owed = () => {
  const { person, signOut, setLang } = useSession();
  const { t, lang } = useWords();
  const password = person?.owed === 'password';
  return (
    <main className="owed">
      <Head title={t(password ? 'owed.password' : 'owed.second_factor')} lead={t(password ? 'owed.password.lead' : 'owed.second_factor.lead')}>
        <Button type="text" icon={<TranslationOutlined aria-hidden />} aria-label={t('lang.switch.label')} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>{t('lang.switch')}</Button>
        <Button type="text" icon={<LogoutOutlined aria-hidden />} onClick={() => void signOut()}>{t('sign.out')}</Button>
      </Head>
      {password ? <OwnPassword /> : <OwnFactor />}
      <Again />
    </main>
  );
};

export default Owed;
