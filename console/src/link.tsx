// A link within the console: opened here by a click, elsewhere as the browser has it.
import type { AnchorHTMLAttributes, MouseEvent } from 'react';
import { go } from './router';

export const Link = ({ to, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) => {
  const click = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return <a href={to} onClick={click} {...rest} />;
};
