// What is too heavy for a page that people land on, and is loaded when that page is there.
import { Input } from 'antd';
import { lazy, Suspense } from 'react';
import type { Day } from './date-picker';

const picker = () => import('./date-picker');
const Picker = lazy(picker);

/** Has it loaded before it is needed: in a call nobody waits for it, and a server that was renewed may not have it. */
export const bring = () => void picker().catch(() => undefined);

/** A day to choose. */
export const DatePicker = (props: Day) => (
  <Suspense fallback={<Input id={props.id} disabled />}><Picker {...props} /></Suspense>
);
