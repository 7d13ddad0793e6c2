// A strategy's file as what stands in it: read for people to look at, and written anew from what they chose. What a key
// means and may be is in `strategies/example.toml`; the server has the last word on it.
import { parse, stringify } from 'smol-toml';

export interface When {
  [condition: string]: string | string[];
}
export interface Rule {
  id: string;
  zh: string;
  en: string;
  when?: When;
  rank?: number;
  leave_out?: boolean;
  script?: string;
}
export interface Step {
  id: string;
  after: string[];
  wait?: string[];
  other_part_of_day?: boolean;
  number?: 'case' | 'number' | 'drop';
}
export interface Strategy {
  propensity?: string;
  limits?: { per_case?: number; per_day?: number };
  rank?: { propensity?: number; days_past_due?: number; amount?: number };
  day?: { parts?: string[] };
  best_time?: { look_ahead?: string; gain_percent?: number; answered_by_hour?: string[] };
  numbers?: { order?: string[]; wait?: string; third_parties?: boolean };
  promises?: { script?: string; at?: string; days_after?: number; most?: number };
  callbacks?: { rank?: number };
  unreached?: { after?: string[] };
  rule?: Rule[];
  ladder?: Step[];
}

/** Conditions of a rule: those that list what is meant, with what there is where that is known, and those that span. */
export const LISTS: Record<string, string[] | undefined> = {
  promise: ['none', 'kept', 'broken', 'open'], kind: ['card', 'personal_loan', 'micro_loan', 'mortgage', 'business_loan', 'other'],
  risk_grade: undefined, lang: ['zh', 'en'], currency: undefined,
};
export const SPANS = ['days_past_due', 'amount', 'broken_promises', 'propensity'];
/** Ends of a last call after which a text may be left. */
export const UNREACHED = ['no_answer', 'voicemail', 'unreachable'];
/** As `30 to 90`, `from 30`, `up to 90`. */
export const SPAN = /^(\d+(\.\d+)? to \d+(\.\d+)?|(from|up to) \d+(\.\d+)?)$/;
/** As `2 hours`, `1 day`. */
export const WAIT = /^[1-9]\d* (minutes?|hours?|days?)$/;

/** What stands in a file; none where it cannot be read. */
export const readStrategy = (text: string): Strategy | undefined => {
  try {
    return parse(text) as unknown as Strategy;
  } catch {
    return undefined;
  }
};

/** Whether something is worth a line. */
const told = (value: unknown) => value !== undefined && value !== null && value !== '' && value !== false;

/** The same without what says nothing. */
const lean = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(lean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, of]) => told(of)).map(([key, of]) => [key, lean(of)]));
};

export const writeStrategy = (strategy: Strategy): string => stringify(lean(strategy));
