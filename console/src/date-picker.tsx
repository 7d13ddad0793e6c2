// The library's day picker by itself, so that a page may have it loaded apart.
import { DatePicker } from 'antd';
import type { Dayjs } from 'dayjs';
import type { CSSProperties } from 'react';

/** What a field of a form gives it, and between which days it chooses. */
export interface Day {
  id?: string;
  value?: Dayjs | null;
  onChange?: (day: Dayjs | null) => void;
  minDate?: Dayjs;
  maxDate?: Dayjs;
  style?: CSSProperties;
}

const Picker = (props: Day) => <DatePicker {...props} />;

export default Picker;
