// A file of cases as somebody has it: CSV, UTF-8 or GB18030, columns by names of their own.
import Papa from 'papaparse';

export interface TableFile {
  name: string;
  columns: string[];
  rows: string[][];
}

/** Text of a file: UTF-8 where it can be, else what spreadsheets in China write. */
const textOf = async (file: File): Promise<string> => {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
};

export const readTable = async (file: File): Promise<TableFile> => {
  const { data } = Papa.parse<string[]>((await textOf(file)).replace(/^\ufeff/, ''), { skipEmptyLines: 'greedy' });
  const [columns = [], ...rows] = data;
  return { name: file.name, columns: columns.map((column, index) => column.trim() || `#${index + 1}`), rows };
};

/** Where a field's values come from: a column by its place, the same for all, or nowhere. */
export type From = { column: number } | { fixed: string } | undefined;

const plain = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '');

/** What lenders call these columns, beside their keys. */
const ALSO: Record<string, string[]> = {
  id: ['案件编号', '案件号', '编号', 'caseid', 'case'], phone: ['手机号', '电话', '号码', '联系电话', 'mobile', 'number'], name: ['姓名', '客户姓名', '债务人'], title: ['称谓', '称呼'],
  lang: ['语言', 'language'], creditor: ['债权人', '委托方', '机构', 'lender'], product: ['产品', '产品名称'], amount: ['逾期金额', '金额', '应还金额', '欠款'], currency: ['币种', '货币'],
  due_date: ['应还日', '还款日', '到期日', 'duedate'], time_zone: ['时区', 'timezone'], kind: ['产品类别'], risk_grade: ['风险等级', '等级', 'grade'], debtor: ['债务人编号', '客户号'], days_past_due: ['逾期天数', 'dpd'],
};

/** The column that a field is taken from where nobody says. */
export const guess = (key: string, columns: string[]): From => {
  const names = [key, ...(ALSO[key] ?? [])].map(plain);
  const column = columns.findIndex((column) => names.includes(plain(column)));
  if (column >= 0) return { column };
  if (key === 'lang') return { fixed: 'zh' };
  if (key === 'currency') return { fixed: 'CNY' };
  return undefined;
};

const INTEGERS = new Set(['installment_no', 'broken_promises', 'kept_promises', 'days_past_due']);
const NUMBERS = new Set(['propensity', 'voice_speed']);
const YES = new Set(['do_not_call', 'cease', 'deceased', 'represented', 'minor', 'dispute', 'bankrupt']);

const value = (key: string, text: string): unknown => {
  if (INTEGERS.has(key) && /^\d+$/.test(text)) return Number(text);
  if (NUMBERS.has(key) && /^\d*\.?\d+$/.test(text)) return Number(text);
  if (YES.has(key)) return /^(1|y|yes|true|是)$/i.test(text) ? true : /^(0|n|no|false|否)$/i.test(text) ? false : text;
  return text;
};

/** A row as a case: what is empty is left out. */
export const caseOf = (row: string[], from: Record<string, From>): Record<string, unknown> => {
  const fields: Record<string, unknown> = {};
  for (const [key, where] of Object.entries(from)) {
    const text = (where && ('fixed' in where ? where.fixed : row[where.column]))?.trim();
    if (text) fields[key] = value(key, text);
  }
  return fields;
};
