// Tables as files that spreadsheets open.
import { handOver } from './client';

/** A cell that no spreadsheet takes for a formula (OWASP, CSV injection). */
const cell = (value: unknown): string => {
  const text = value == null ? '' : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** Hands rows over as a file; with a mark by which spreadsheets know UTF-8. */
export const download = (name: string, rows: unknown[][]) => {
  const text = rows.map((row) => row.map(cell).join(',')).join('\r\n');
  handOver(new Blob(['\ufeff', text, '\r\n'], { type: 'text/csv;charset=utf-8' }), name);
};
