import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Counter } from './Counter.tsx';
import './style.css';

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Counter start={Number(import.meta.env.VITE_START ?? 7)} />
  </StrictMode>,
);
