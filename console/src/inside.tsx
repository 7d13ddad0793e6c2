// What those who are signed in see: where they may go, and the page they are on.
import {
  AuditOutlined, BarChartOutlined, CustomerServiceOutlined, DashboardOutlined, ExperimentOutlined, EyeOutlined, FileTextOutlined, IdcardOutlined, LockOutlined, LogoutOutlined, MenuOutlined, PartitionOutlined, PhoneOutlined,
  SafetyCertificateOutlined, ScheduleOutlined, SearchOutlined, SolutionOutlined, StopOutlined, TeamOutlined, TranslationOutlined, UserOutlined,
} from '@ant-design/icons';
import { Button, Spin } from 'antd';
import { lazy, Suspense, useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { Again } from './again';
import { Fault } from './fault';
import { Keys } from './keys';
import { Link } from './link';
import { Nothing } from './parts';
import { go, match, useLocation } from './router';
import { useSession, useWords } from './session';
import { Tour, useTour } from './tour';
import type { Word } from './words';

interface Page {
  path: string;
  /** What is needed for it; none where everybody has it. */
  scope?: string;
  show: ComponentType<{ at: Record<string, string> }>;
  /** How it is called where one may go to it. */
  nav?: Word;
  icon?: ReactNode;
}

const PAGES: Page[] = [
  { path: '/desk', scope: 'desk:use', show: lazy(() => import('./pages/desk')), nav: 'nav.desk', icon: <CustomerServiceOutlined aria-hidden /> },
  { path: '/board', scope: 'events:read', show: lazy(() => import('./pages/board')), nav: 'nav.board', icon: <DashboardOutlined aria-hidden /> },
  { path: '/talks', scope: 'talks:supervise', show: lazy(() => import('./pages/talks')), nav: 'nav.talks', icon: <EyeOutlined aria-hidden /> },
  { path: '/campaigns', scope: 'campaigns:read', show: lazy(() => import('./pages/campaigns')), nav: 'nav.campaigns', icon: <PhoneOutlined aria-hidden /> },
  { path: '/campaigns/new', scope: 'campaigns:write', show: lazy(() => import('./pages/new-campaign')) },
  { path: '/campaigns/:campaign', scope: 'campaigns:read', show: lazy(() => import('./pages/campaign')) },
  { path: '/strategies', scope: 'scripts:read', show: lazy(() => import('./pages/strategies')), nav: 'nav.strategies', icon: <PartitionOutlined aria-hidden /> },
  { path: '/strategies/:name', scope: 'scripts:read', show: lazy(() => import('./pages/strategy')) },
  { path: '/practice', scope: 'campaigns:write', show: lazy(() => import('./pages/practice')), nav: 'nav.practice', icon: <ExperimentOutlined aria-hidden /> },
  { path: '/calls', scope: 'calls:read', show: lazy(() => import('./pages/calls')), nav: 'nav.calls', icon: <SearchOutlined aria-hidden /> },
  { path: '/calls/:attempt', scope: 'calls:read', show: lazy(() => import('./pages/call')) },
  { path: '/quality', scope: 'quality:read', show: lazy(() => import('./pages/quality')), nav: 'nav.quality', icon: <SafetyCertificateOutlined aria-hidden /> },
  { path: '/reviews', scope: 'quality:review', show: lazy(() => import('./pages/reviews')), nav: 'nav.reviews', icon: <SolutionOutlined aria-hidden /> },
  { path: '/reviews/:review', scope: 'quality:review', show: lazy(() => import('./pages/review')) },
  { path: '/results', scope: 'events:read', show: lazy(() => import('./pages/results')), nav: 'nav.results', icon: <BarChartOutlined aria-hidden /> },
  { path: '/reports', scope: 'events:read', show: lazy(() => import('./pages/reports')), nav: 'nav.reports', icon: <ScheduleOutlined aria-hidden /> },
  { path: '/scripts', scope: 'scripts:read', show: lazy(() => import('./pages/scripts')), nav: 'nav.scripts', icon: <FileTextOutlined aria-hidden /> },
  { path: '/do-not-call', scope: 'do_not_call:read', show: lazy(() => import('./pages/do-not-call')), nav: 'nav.do_not_call', icon: <StopOutlined aria-hidden /> },
  { path: '/holds', scope: 'holds:write', show: lazy(() => import('./pages/holds')), nav: 'nav.holds', icon: <LockOutlined aria-hidden /> },
  { path: '/debtors', scope: 'debtors:access', show: lazy(() => import('./pages/debtors')), nav: 'nav.debtors', icon: <IdcardOutlined aria-hidden /> },
  { path: '/audit', scope: 'audit:read', show: lazy(() => import('./pages/audit')), nav: 'nav.audit', icon: <AuditOutlined aria-hidden /> },
  { path: '/people', scope: 'people:read', show: lazy(() => import('./pages/people')), nav: 'nav.people', icon: <TeamOutlined aria-hidden /> },
  { path: '/account', show: lazy(() => import('./pages/account')) },
];

const Inside = () => {
  const { person, may, signOut, setLang } = useSession();
  const { t, n, lang } = useWords();
  const { path } = useLocation();
  const [open, setOpen] = useState(false);
  const tour = useTour();
  const lets = ({ scope }: Page) => !scope || may(scope);
  const pages = PAGES.filter((page) => page.nav && lets(page));
  const home = pages[0]?.path ?? '/none';
  const found = PAGES.map((page) => ({ page, at: match(page.path, path) })).find(({ at }) => at);
  useEffect(() => {
    // The first steps begin on a page of their own.
    if (path === '/') go(tour.at === undefined ? home : (tour.steps[tour.at]?.path ?? home), 'replace');
  }, [path, home, tour]);
  useEffect(() => setOpen(false), [path]);
  const title: Word | undefined = found?.page.nav ?? (path === '/account' ? 'account' : undefined) ?? pages.find(({ path: its }) => path.startsWith(`${its}/`))?.nav;
  useEffect(() => {
    document.title = title ? `${t(title)} · ${t('app.name')}` : t('app.name');
  }, [title, t]);
  const Show = found?.page.show;
  return (
    <div className={`inside ${open ? 'open' : ''}`}>
      <a className="skip" href="#main">{t('app.skip')}</a>
      <nav className="side" aria-label={t('nav.main')} id="side">
        <Link to={home} className="brand"><img src="/favicon.svg" alt="" width="26" height="26" /> {t('app.name')}</Link>
        <ul>
          {pages.map((page) => {
            const here = path === page.path || path.startsWith(`${page.path}/`);
            return (
              <li key={page.path}>
                <Link to={page.path} aria-current={here ? 'page' : undefined}>{page.icon}{page.nav && t(page.nav)}</Link>
              </li>
            );
          })}
        </ul>
        <div className="who">
          <Link to="/account" className="who-name" aria-current={path === '/account' ? 'page' : undefined}><UserOutlined aria-hidden /> <span><b>{person?.name}</b><br /><span>{n('role', person?.role ?? '')}</span><span className="sr">{t('account')}</span></span></Link>
          <Button type="text" size="small" icon={<TranslationOutlined aria-hidden />} aria-label={t('lang.switch.label')} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>{t('lang.switch')}</Button>
          <Keys pages={pages.map(({ path, nav }) => ({ path, name: nav ? t(nav) : path }))} tour={tour.steps.length ? tour.begin : undefined} />
          <Button type="text" size="small" icon={<LogoutOutlined aria-hidden />} onClick={() => { void signOut(); go('/', 'replace'); }}>{t('sign.out')}</Button>
        </div>
      </nav>
      <div className="top">
        <Button type="text" icon={<MenuOutlined aria-hidden />} aria-label={t('nav.menu')} aria-expanded={open} aria-controls="side" onClick={() => setOpen(!open)} />
        <span>{t('app.name')}</span>
      </div>
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<div className="wait"><Spin /></div>}>
          {path === '/' ? null : !found || !Show ? (
            <Nothing title={t('none.title')} lead={t('none.lead')}><Button type="primary" onClick={() => go(home)}>{t('none.home')}</Button></Nothing>
          ) : !lets(found.page) ? (
            <Nothing title={t('may.title')} lead={t('may.lead')}><Button type="primary" onClick={() => go(home)}>{t('none.home')}</Button></Nothing>
          ) : (
            <Fault key={path}><Show at={found.at ?? {}} /></Fault>
          )}
        </Suspense>
      </main>
      <Tour of={tour} />
      <Again />
    </div>
  );
};

export default Inside;
