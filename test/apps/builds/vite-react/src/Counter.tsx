import { useState } from 'react';
import logo from './logo.svg';

export function Counter({ start }: { start: number }) {
  const [count, setCount] = useState(start);
  return (
    <button type="button" onClick={() => setCount(count + 1)}>
      <img src={logo} alt="" /> pressed {count} times
    </button>
  );
}
