// The console begins here: language, look, who is signed in, and the page.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { SessionOf } from './session';
import './style.css';

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <SessionOf>
        <App />
      </SessionOf>
    </StrictMode>,
  );
}
