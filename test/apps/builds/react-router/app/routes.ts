import { index, type RouteConfig, route } from '@react-router/dev/routes';

export default [index('home.tsx'), route('hello/:name', 'hello.tsx')] satisfies RouteConfig;
