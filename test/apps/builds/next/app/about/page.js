export default async function About() {
  const { version } = await import('next/package.json');
  return <p>exported by Next.js {version}</p>;
}
