export const load = ({ url }) => ({ greeting: `hello ${url.searchParams.get('name')}` });
