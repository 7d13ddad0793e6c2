// A window over the page.
import { Modal, type ModalProps } from 'antd';
import { useEffect, useState } from 'react';
import { HERE } from './parts';

/**
 * It is open as long as it is drawn. Once it is gone, whoever works by keys is where they were when it opened; the
 * library gives the focus back only to who opened a window that stays drawn.
 */
export const Dialog = (props: ModalProps) => {
  // Asked for before anything in it takes the focus.
  const [from] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      setTimeout(() => {
        // What has it by now keeps it.
        if (document.activeElement && document.activeElement !== document.body) return;
        const back = from instanceof HTMLElement && from.isConnected ? from : document.getElementById('main');
        back?.focus({ preventScroll: true });
      });
    },
    [from],
  );
  return <Modal open {...HERE} {...props} />;
};
