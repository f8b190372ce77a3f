import { useLoaderData } from 'react-router';

export const loader = ({ params }: { params: { name: string } }) => ({ greeting: `hello ${params.name}` });

export default function Hello() {
  const { greeting } = useLoaderData<typeof loader>();
  return <h1>{greeting}</h1>;
}
