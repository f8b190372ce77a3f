'use client';
import { useState } from 'react';

export default function Counter() {
  const [count, setCount] = useState(2);
  return <button onClick={() => setCount(count + 1)}>pressed {count}</button>;
}
