// Keys that work on every page, and what they are: `?` shows them, `g` and a figure go to a page.
import { Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { Dialog } from './dialog';
import { go } from './router';
import { useSession, useWords } from './session';
import type { Word } from './words';

/** How long a figure may come after `g` [ms]. */
const THEN_MS = 1500;

/** Whether somebody is writing. */
const writes = (on: EventTarget | null): boolean => on instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(on.tagName) || on.isContentEditable);

const DESK: [string, Word][] = [['1', 'presence.available'], ['2', 'presence.on_break'], ['3', 'presence.away'], ['A', 'desk.answer'], ['D', 'desk.decline'], ['H', 'desk.hold'], ['M', 'desk.mute'], ['X', 'desk.hang_up'], ['T', 'desk.transfer'], ['C', 'desk.call_in']];

/** The keys, and a window that tells of them. `pages` are those that one may go to, in their order. */
export const Keys = ({ pages, tour }: { pages: { path: string; name: string }[]; tour?: () => void }) => {
  const { t } = useWords();
  const { may } = useSession();
  const [open, setOpen] = useState(false);
  const begun = useRef(0);
  const to = useRef(pages);
  to.current = pages;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
      const within = Date.now() - begun.current < THEN_MS;
      begun.current = 0;
      const page = within ? to.current[Number(event.key) - 1] : undefined;
      if (event.key === '?') setOpen((open) => !open);
      else if (page) go(page.path);
      else {
        if (event.key === 'g') begun.current = Date.now();
        return;
      }
      // What a page has for the figure is not meant.
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    window.addEventListener('keydown', press, true);
    return () => window.removeEventListener('keydown', press, true);
  }, []);
  const row = (keys: string[], what: string) => <tr key={what}><td>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</td><td>{what}</td></tr>;
  return (
    <>
      <Button type="text" size="small" icon={<span aria-hidden="true" className="ask">?</span>} onClick={() => setOpen(true)}>{t('keys')}</Button>
      {open && (
        <Dialog title={t('keys')} footer={tour && <Button onClick={() => { setOpen(false); tour(); }}>{t('tour.again')}</Button>} onCancel={() => setOpen(false)}>
          <table className="plain-table keys-table">
            <tbody>
              {row(['?'], t('keys.help'))}
              {pages.slice(0, 9).map(({ name }, index) => row(['g', String(index + 1)], name))}
              {may('calls:hear') && row(['Space'], t('keys.play'))}
              {may('calls:hear') && row(['←', '→'], t('keys.skip'))}
              {may('desk:use') && DESK.map(([key, word]) => row([key], `${t('nav.desk')}: ${t(word)}`))}
              {row(['Esc'], t('keys.close'))}
            </tbody>
          </table>
        </Dialog>
      )}
    </>
  );
};
