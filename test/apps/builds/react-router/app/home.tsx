import { Form, redirect } from 'react-router';

export async function action({ request }: { request: Request }) {
  const form = await request.formData();
  return redirect(`/hello/${form.get('name')}`);
}

export default function Home() {
  return (
    <Form method="post">
      <input name="name" />
    </Form>
  );
}
