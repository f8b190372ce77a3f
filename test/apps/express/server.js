const path = require('node:path');
const express = require('express');

const app = express();
const messages = [];

app.set('view engine', 'ejs');
app.set('views', path.join(__dirname, 'views'));
app.use(express.static(path.join(__dirname, 'public')));
app.use(express.urlencoded({ extended: false }));

app.get('/', (req, res) => {
  res.render('index', { title: process.env.TITLE || 'Guestbook', messages });
});

app.post('/messages', (req, res) => {
  const { name, text } = req.body;
  if (!text) return res.status(400).send('A message needs a text.');
  messages.push({ name: name || 'Somebody', text });
  res.redirect('/');
});

app.get('/api/messages', (req, res) => {
  res.json(messages);
});

const port = process.env.PORT || 3000;
app.listen(port, () => console.log(`Guestbook is listening on ${port}`));
