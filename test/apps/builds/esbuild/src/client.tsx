const h = (tag: string, _: unknown, text: string) => Object.assign(document.createElement(tag), { textContent: text });
document.body.append(<b>bundled by esbuild</b>);
