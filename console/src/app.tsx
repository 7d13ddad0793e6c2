// The look of it all, and which page is shown.
import { App as Messages, ConfigProvider, Spin } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { lazy, Suspense } from 'react';
import { SignIn } from './sign-in';
import { useSession } from './session';

const Inside = lazy(() => import('./inside'));
const Owed = lazy(() => import('./owed'));
// Left by the server, once for each page: with it the library's styles are let in.
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';

const LOOK = {
  token: {
    // Whoever asks their system for less motion has windows that are there at once.
    motion: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    colorPrimary: '#0a5c63',
    colorLink: '#0a5c63',
    colorInfo: '#0a5c63',
    colorText: '#16212b',
    // Grey that can be read: 4.5 to 1 and more on white and on the page's own grey.
    colorTextSecondary: '#4a5661',
    colorTextTertiary: '#55616c',
    colorTextDescription: '#55616c',
    colorTextPlaceholder: '#65717c',
    colorError: '#b3261e',
    colorSuccess: '#1b6e3c',
    colorWarning: '#8a5a00',
    borderRadius: 6,
    fontFamily: 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  },
};

export const App = () => {
  const { person, lang } = useSession();
  return (
    <ConfigProvider locale={lang === 'zh' ? zhCN : enUS} theme={LOOK} csp={{ nonce }} button={{ autoInsertSpace: false }}>
      <Messages component={false}>
        {person === undefined ? (
          <div className="wait whole"><Spin /></div>
        ) : person === null ? (
          <SignIn />
        ) : (
          <Suspense fallback={<div className="wait whole"><Spin /></div>}>
            {person.owed ? <Owed /> : <Inside />}
          </Suspense>
        )}
      </Messages>
    </ConfigProvider>
  );
};
