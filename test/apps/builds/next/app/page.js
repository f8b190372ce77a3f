import Link from 'next/link';
import Counter from './counter';

export default function Page() {
  return (
    <>
      <Counter />
      <Link href="/about">about</Link>
    </>
  );
}
