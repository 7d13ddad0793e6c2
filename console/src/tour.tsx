// The first steps of who is new: three of them by role, each on the page that it is about. Shown once, and from the help.
import { Button } from 'antd';
import { useEffect, useState } from 'react';
import { go } from './router';
import { useSession, useWords } from './session';
import type { Word } from './words';

interface Step {
  path: string;
  title: Word;
  lead: Word;
}

const STEPS: Record<string, Step[]> = {
  operations: [
    { path: '/campaigns', title: 'tour.ops.1', lead: 'tour.ops.1.lead' },
    { path: '/board', title: 'tour.ops.2', lead: 'tour.ops.2.lead' },
    { path: '/results', title: 'tour.ops.3', lead: 'tour.ops.3.lead' },
  ],
  compliance: [
    { path: '/scripts', title: 'tour.comp.1', lead: 'tour.comp.1.lead' },
    { path: '/calls', title: 'tour.comp.2', lead: 'tour.comp.2.lead' },
    { path: '/audit', title: 'tour.comp.3', lead: 'tour.comp.3.lead' },
  ],
  agent: [
    { path: '/desk', title: 'tour.agent.1', lead: 'tour.agent.1.lead' },
    { path: '/desk', title: 'tour.agent.2', lead: 'tour.agent.2.lead' },
    { path: '/desk', title: 'tour.agent.3', lead: 'tour.agent.3.lead' },
  ],
  admin: [
    { path: '/people', title: 'tour.admin.1', lead: 'tour.admin.1.lead' },
    { path: '/board', title: 'tour.admin.2', lead: 'tour.admin.2.lead' },
    { path: '/audit', title: 'tour.admin.3', lead: 'tour.admin.3.lead' },
  ],
};

const seen = (role: string) => `toured.${role}`;

/** Where a tour stands: at a step, or over. */
export const useTour = () => {
  const { person } = useSession();
  const role = person?.role ?? '';
  const steps = STEPS[role] ?? [];
  const [at, setAt] = useState<number | undefined>(() => (steps.length && !localStorage.getItem(seen(role)) ? 0 : undefined));
  const end = () => {
    localStorage.setItem(seen(role), 'yes');
    setAt(undefined);
  };
  return { steps, at, begin: () => setAt(0), end, to: (step: number) => setAt(step) };
};

export const Tour = ({ of: { steps, at, end, to } }: { of: ReturnType<typeof useTour> }) => {
  const { t } = useWords();
  const step = at === undefined ? undefined : steps[at];
  const path = step?.path;
  useEffect(() => {
    if (path) go(path, 'replace');
  }, [path]);
  if (at === undefined || !step) return null;
  const last = at + 1 === steps.length;
  return (
    <section className="tour" aria-label={t('tour')} aria-live="polite">
      <p className="small">{t('tour.step', { n: at + 1, all: steps.length })}</p>
      <h2>{t(step.title)}</h2>
      <p>{t(step.lead)}</p>
      <div className="acts">
        {!last && <Button size="small" onClick={end}>{t('tour.skip')}</Button>}
        {at > 0 && <Button size="small" onClick={() => to(at - 1)}>{t('do.back')}</Button>}
        <Button size="small" type="primary" onClick={() => (last ? end() : to(at + 1))}>{t(last ? 'tour.done' : 'do.next')}</Button>
      </div>
    </section>
  );
};
