// A call handed on: to a colleague who is asked first or at once, or with somebody called in by their number.
import { Button, Input, Select } from 'antd';
import { useEffect, useState } from 'react';
import type { Call, Colleague } from './desk-link';
import { Dialog } from './dialog';
import { Mark } from './parts';
import { useWords } from './session';

type Send = (message: object) => void;

/** To whom, and how. */
export const Transfer = ({ call, colleagues, send, close }: { call: Call; colleagues?: Colleague[]; send: Send; close: () => void }) => {
  const { t } = useWords();
  const [skill, setSkill] = useState<string>();
  useEffect(() => send({ type: 'colleagues' }), [send]);
  const skills = [...new Set((colleagues ?? []).flatMap((one) => Object.keys(one.skills)))].sort();
  const go = (to: object, how: 'ask_first' | 'at_once') => {
    send({ type: 'transfer', attempt: call.attempt, to, how });
    close();
  };
  const ways = (to: object, name: string, off = false) => (
    <div className="acts">
      <Button size="small" type="primary" disabled={off} aria-label={`${t('desk.transfer.ask')}: ${name}`} onClick={() => go(to, 'ask_first')}>{t('desk.transfer.ask')}</Button>
      <Button size="small" disabled={off} aria-label={`${t('desk.transfer.now')}: ${name}`} onClick={() => go(to, 'at_once')}>{t('desk.transfer.now')}</Button>
    </div>
  );
  return (
    <Dialog title={t('desk.transfer')} footer={null} width={640} onCancel={close}>
      <p className="soft small">{t('desk.transfer.lead')}</p>
      <table className="plain-table">
        <tbody>
          {(colleagues ?? []).map((one) => (
            <tr key={one.login}>
              <td>{one.name}<br /><span className="soft small">{Object.entries(one.skills).map(([name, level]) => `${name} ${level}`).join(' · ')}</span></td>
              <td><Mark of={one.presence === 'available' ? 'running' : 'plain'}>{t(`presence.${one.presence}` as 'presence.away')}</Mark></td>
              <td>{ways({ agent: one.login }, one.name, one.presence !== 'available')}</td>
            </tr>
          ))}
          {colleagues?.length === 0 && <tr><td>{t('desk.transfer.nobody')}</td></tr>}
          {skills.length > 0 && (
            <tr>
              <td colSpan={2}><Select style={{ width: '100%' }} aria-label={t('desk.transfer.skill')} placeholder={t('desk.transfer.skill')} value={skill} onChange={setSkill} options={skills.map((value) => ({ value, label: value }))} /></td>
              <td>{ways({ skills: skill ? [skill] : [] }, skill ?? '', !skill)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </Dialog>
  );
};

/** Whom to call in, at the callee's wish. */
export const CallIn = ({ call, send, close }: { call: Call; send: Send; close: () => void }) => {
  const { t } = useWords();
  const [number, setNumber] = useState('');
  const ask = () => {
    send({ type: 'call_in', attempt: call.attempt, number: number.trim() });
    close();
  };
  return (
    <Dialog title={t('desk.call_in')} okText={t('desk.call_in.do')} cancelText={t('do.cancel')} okButtonProps={{ disabled: !number.trim() }} onOk={ask} onCancel={close}>
      <p className="soft small">{t('desk.call_in.lead')}</p>
      <label>{t('call.number')}<Input autoFocus inputMode="tel" autoComplete="off" maxLength={32} value={number} onChange={(event) => setNumber(event.target.value)} onPressEnter={ask} /></label>
    </Dialog>
  );
};

/** Who else is asked or called in, and what can be done about it. */
export const Others = ({ call, acts }: { call: Call; acts: { [key: string]: (() => void) | undefined } }) => {
  const { t } = useWords();
  const { asked, called_in } = call;
  return (
    <div aria-live="polite">
      {asked && (
        <div className="note good others">
          <span>{asked.there ? t('desk.asked.there', { name: asked.name ?? '' }) : asked.name ? t('desk.asked.comes', { name: asked.name }) : t('desk.asked.sought')}</span>
          <span className="acts"><Button size="small" type="primary" onClick={acts.o}>{t('desk.hand_over')} <kbd aria-hidden="true">O</kbd></Button><Button size="small" onClick={acts.b}>{t('desk.return')} <kbd aria-hidden="true">B</kbd></Button></span>
        </div>
      )}
      {called_in && (
        <div className="note good others">
          <span>{t(called_in.there ? 'desk.called_in.there' : 'desk.called_in.rings', { number: called_in.number })}</span>
          <span className="acts"><Button size="small" onClick={acts.o}>{t('desk.let_go')} <kbd aria-hidden="true">O</kbd></Button>{called_in.there && <Button size="small" onClick={acts.l}>{t('desk.leave')} <kbd aria-hidden="true">L</kbd></Button>}</span>
        </div>
      )}
    </div>
  );
};
